/** A neighbour writes into the cache server: many keys of one size, kept together by the tenth of a second. */
import type { RedisServer } from '../../services/infrastructure/redis-server.ts'

/** Ten parts a second, so that evictions are spread and not in one blow. */
const partMs = 100
const ttlMs = 3_600_000

/** @returns sets the pace; 0 ends it. The keys differ in nothing that the server looks at, so a part is one entry. */
export function createChurn(
  redis: RedisServer,
  after: (ms: number, action: () => void) => void,
): (keysPerSecond: number, bytesPerKey: number) => void {
  let rate = 0
  let bytes = 0
  let running = false
  let count = 0
  const step = () => {
    if (rate <= 0) {
      running = false
      return
    }
    if (redis.running) {
      const keys = Math.max(1, Math.round(rate / 10))
      count += 1
      redis.commands += keys
      redis.container.accountCpu(redis.options.cpuPerCommandMs * keys)
      redis.set(`churn:${count}`, true, bytes * keys, ttlMs, keys)
    }
    after(partMs, step)
  }
  return (keysPerSecond, bytesPerKey) => {
    rate = keysPerSecond
    bytes = bytesPerKey
    if (running || rate <= 0) return
    running = true
    after(0, step)
  }
}
