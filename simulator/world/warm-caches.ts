/**
 * The platform has been running before the drill begins, so the cache server holds what its users asked for lately: the
 * most popular users and items of each tenant, at random points of their time to live.
 */
import { createRng } from '../../services/runtime/rng.ts'
import type { VirtualWorld } from './virtual-world.ts'

export function warmCaches({ options, redis, tenants }: VirtualWorld): void {
  const { backendApi, redis: settings } = options.world
  const rng = createRng(options.seed, 'warm-caches')
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
