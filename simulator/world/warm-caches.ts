/**
 * The platform has been running before the drill begins, so the cache server holds what its users asked for lately: the
 * most popular users and items of each tenant, at random points of their time to live.
 */

import type { RedisServer } from '../../services/infrastructure/redis-server.ts'
import { createRng } from '../../services/runtime/rng.ts'
import type { NamedTenant } from '../workload/tenants.ts'
import type { World } from './world-schema.ts'

export function warmCaches(world: World, seed: number, redis: RedisServer, tenants: readonly NamedTenant[]): void {
  const { backendApi, redis: settings } = world
  const rng = createRng(seed, 'warm-caches')
  for (const tenant of tenants) {
    // Popularity falls as 1/rank, so the first ranks are those that were asked for lately.
    for (let rank = 0; rank < tenant.users * settings.warm; rank += 1) {
      const key = `${tenant.id}/u${rank}`
      redis.set(`session:${key}`, true, 180, backendApi.sessionTtl * rng.next())
      redis.set(
        `rec:${key}`,
        { algorithm: 'personalised', items: 20 },
        backendApi.recommendationBytes,
        backendApi.recommendationTtl * rng.next(),
      )
    }
    for (let rank = 0; rank < tenant.items * settings.warm; rank += 1) {
      redis.set(`item:${tenant.id}/i${rank}`, true, backendApi.itemBytes, backendApi.itemTtl * rng.next())
    }
  }
}
