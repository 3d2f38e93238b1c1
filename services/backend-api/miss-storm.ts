/** Notices when most cache look-ups miss, and says so in the log. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import type { Ports } from '../runtime/ports.ts'

const windowMs = 30_000
/** Fewer look-ups say nothing about a rate. */
const lookupsMin = 30
const missRatioMax = 0.5
const quietMs = 300_000

export function createMissStormWatch(ports: Ports): { lookup(hit: boolean): void; loop: BackgroundLoop } {
  const log = ports.logger.child('cache')
  let hits = 0
  let misses = 0
  let loggedAtMs = Number.NEGATIVE_INFINITY
  return {
    lookup(hit) {
      if (hit) hits += 1
      else misses += 1
    },
    loop: {
      name: 'cache-miss-storm',
      async run() {
        for (;;) {
          await ports.clock.sleep(windowMs)
          const lookups = hits + misses
          const nowMs = ports.clock.nowMs()
          if (lookups >= lookupsMin && misses / lookups > missRatioMax && nowMs - loggedAtMs >= quietMs) {
            const missRatio = Math.round((misses / lookups) * 1000) / 1000
            log.warn('cache_miss_storm', `${Math.round(missRatio * 100)} % of the cache look-ups miss`, {
              missRatio,
              lookups,
            })
            loggedAtMs = nowMs
          }
          hits = 0
          misses = 0
        }
      },
    },
  }
}
