/** The job that brings the embedding cache up to date: embeds the active users of every tenant anew. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { createDependencyHealth } from '../runtime/dependency-health.ts'
import { DependencyError, type Ports } from '../runtime/ports.ts'
import { createJobContext } from '../runtime/request-context.ts'
import type { MlEngineConfig } from './config.ts'
import type { EmbeddingCache } from './embedding-cache.ts'
import type { MlEngineMetrics } from './metrics.ts'

/** How soon a refresh that could not run is tried again. */
const retryMs = 5_000
/** Users fetched by one query. */
const pageSize = 500
/** Part of the cache that the refresh fills; the rest is for users who come back unexpectedly. */
const filledShare = 0.8

export function createEmbeddingRefresh(
  ports: Ports,
  config: MlEngineConfig,
  metrics: MlEngineMetrics,
  cache: EmbeddingCache,
): BackgroundLoop {
  const { clock, faults } = ports
  const log = ports.logger.child('embedding_cache')
  const ids = ports.rng.fork('embedding-refresh/ids')
  const active = activeUsers(config)
  const health = createDependencyHealth(ports)

  async function refresh(): Promise<void> {
    const startMs = clock.nowMs()
    const pages = Math.max(1, Math.ceil(active.length / pageSize))
    for (let page = 0; page < pages; page += 1) {
      const users = active.slice(page * pageSize, (page + 1) * pageSize)
      await ports.database.query({
        type: 'select',
        table: 'user_features',
        statement: 'SELECT user_id, features FROM user_features WHERE tenant_id = $1 ORDER BY last_seen DESC LIMIT 500',
        rows: users.length,
        weight: 4,
      })
      // Batches are embedded on the accelerator: little of the time is processor work.
      const pageMs = config.refreshTakes / pages
      ports.cpu.account(pageMs * 0.2)
      await clock.sleep(pageMs)
      // Least active first, so that the most active stay longest.
      for (let i = users.length - 1; i >= 0; i -= 1) cache.put(users[i]!)
    }
    metrics.cacheUpdated.set(Math.floor(clock.nowMs() / 1000))
    log.info(
      'embedding_cache_refreshed',
      `embedded ${active.length} active users anew`,
      { users: active.length, duration: Math.round(clock.nowMs() - startMs) / 1000 },
      createJobContext(ids, { tenantId: 'none', sampled: false }),
    )
  }

  return {
    name: 'embedding-refresh',
    async run() {
      for (;;) {
        if (faults.at('embedding-refresh', {})?.stall) {
          await clock.sleep(retryMs)
          continue
        }
        try {
          await refresh()
          health.reached('postgres')
        } catch (error) {
          if (!(error instanceof DependencyError)) throw error
          health.failed(error, 'postgres')
          await clock.sleep(retryMs)
          continue
        }
        await clock.sleep(config.refreshEvery)
      }
    },
  }
}

/** The users who are embedded ahead, most active first; each tenant in proportion to its load. */
function activeUsers(config: MlEngineConfig): string[] {
  const room = config.embeddingCacheEntries * filledShare
  const weights = config.tenants.reduce((sum, tenant) => sum + tenant.weight, 0)
  const shares = config.tenants.map((tenant) => ({
    tenant,
    count: Math.min(tenant.users, Math.floor((room * tenant.weight) / weights)),
  }))
  const users: string[] = []
  const longest = Math.max(...shares.map(({ count }) => count))
  for (let rank = 0; rank < longest; rank += 1) {
    for (const { tenant, count } of shares) if (rank < count) users.push(`${tenant.id}/u${rank}`)
  }
  return users
}
