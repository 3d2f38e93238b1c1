/** Recommendation lists: from the cache, from the ML engine, or popular items when the ML engine does not answer. */
import { DependencyError, type Ports, type RequestContext, type ServiceResponse } from '../runtime/ports.ts'
import type { Claim } from './authenticate.ts'
import type { BackendApiConfig } from './config.ts'
import type { Dependencies } from './dependencies.ts'
import type { BackendApiMetrics } from './metrics.ts'

const listLength = 20
/** Shares are taken over this time. */
export const qualityWindowMs = 30_000

interface RecommendationList {
  readonly algorithm: string
  readonly items: number
}

export function createRecommendations(
  ports: Ports,
  config: BackendApiConfig,
  metrics: BackendApiMetrics,
  dependencies: Dependencies,
) {
  const log = ports.logger.child('recommendations')
  let windowStartMs = ports.clock.nowMs()
  const served = new Map<string, { lists: number; personalised: number }>()

  async function recommend(claim: Claim, context: RequestContext): Promise<ServiceResponse> {
    const startMs = ports.clock.nowMs()
    const key = `${claim.tenant.id}/${claim.userId}`
    let list = (await dependencies.cached('recommendations', key, context)) as RecommendationList | undefined
    if (!list) {
      list = (await askMlEngine(claim, context)) ?? (await popularItems(claim, context))
      // A fallback is kept only briefly, so that real recommendations return soon after the ML engine does.
      const ttlMs = list.algorithm === 'popular' ? 15_000 : config.recommendationTtl
      await dependencies.keep('recommendations', key, list, { bytes: config.recommendationBytes, ttlMs }, context)
    }
    count(claim.tenant.id, list, Math.round((ports.clock.nowMs() - startMs) * 1000) / 1e6)
    return { status: 200, body: list, bodyBytes: 120 + list.items * 64 }
  }

  /** @returns undefined when the ML engine gave no list in time */
  async function askMlEngine(claim: Claim, context: RequestContext): Promise<RecommendationList | undefined> {
    for (let attempt = 0; attempt <= config.mlRetries; attempt += 1) {
      try {
        const response = await dependencies.callMlEngine(
          {
            route: 'POST /recommend',
            body: { tenantId: claim.tenant.id, userId: claim.userId, k: listLength },
            bodyBytes: 160,
            timeoutMs: config.mlTimeout,
          },
          context,
        )
        if (response.status === 200) {
          const { items, algorithm } = response.body as { items: readonly string[] | number; algorithm: string }
          return { algorithm, items: typeof items === 'number' ? items : items.length }
        }
        // The ML engine has failed by itself; the same request again would most likely fail again.
        return undefined
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
        // After a time-out the user has waited long enough.
        if (error.kind === 'timeout') return undefined
      }
    }
    return undefined
  }

  async function popularItems(claim: Claim, context: RequestContext): Promise<RecommendationList> {
    if (context.sampled) log.warn('fallback_served', 'popular items instead of recommendations', {}, context)
    await dependencies.query(
      {
        type: 'select',
        table: 'item_popularity',
        statement: 'SELECT item_id FROM item_popularity WHERE tenant_id = $1 ORDER BY score DESC LIMIT 20',
        rows: listLength,
      },
      context,
    )
    return { algorithm: 'popular', items: Math.min(listLength, claim.tenant.items) }
  }

  function count(tenantId: string, list: RecommendationList, seconds: number): void {
    const labels = { tenant_id: tenantId, algorithm: list.algorithm }
    metrics.recommendationsServed.inc(labels)
    metrics.recommendationDuration.observe(labels, seconds)
    metrics.recommendationItems.observe({ tenant_id: tenantId }, list.items)
    metrics.revenue.inc({ tenant_id: tenantId }, config.revenuePerThousand / 1000)
    const total = served.get(tenantId) ?? { lists: 0, personalised: 0 }
    total.lists += 1
    if (list.algorithm !== 'popular') total.personalised += 1
    served.set(tenantId, total)
  }

  return {
    recommend,
    /** Shares over at least the last half minute; a tenant that asked for nothing keeps its last value. */
    exposeQuality(): void {
      const nowMs = ports.clock.nowMs()
      if (nowMs - windowStartMs < qualityWindowMs) return
      windowStartMs = nowMs
      for (const [tenantId, { lists, personalised }] of served) {
        metrics.recommendationQuality.set({ tenant_id: tenantId, metric: 'personalised_ratio' }, personalised / lists)
      }
      served.clear()
    },
  }
}
