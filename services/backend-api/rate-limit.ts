/** One token bucket for each tenant: refilled at the tenant's rate, as large as its burst. */
import { HttpError } from '../runtime/http-server.ts'
import type { Ports, RequestContext } from '../runtime/ports.ts'
import type { Tenant } from '../runtime/tenant.ts'
import type { BackendApiMetrics } from './metrics.ts'

/** A tenant that is limited all the time gets one log line in this time. */
const logEveryMs = 10_000

export function createRateLimit(ports: Ports, metrics: BackendApiMetrics, tenants: readonly Tenant[]) {
  const log = ports.logger.child('rate_limit')
  const buckets = new Map(
    tenants.map((tenant) => [
      tenant.id,
      {
        tenant,
        tokens: tenant.burst,
        filledAtMs: ports.clock.nowMs(),
        loggedAtMs: Number.NEGATIVE_INFINITY,
        unlogged: 0,
      },
    ]),
  )
  type Bucket = NonNullable<ReturnType<typeof buckets.get>>

  function refill(bucket: Bucket): void {
    const nowMs = ports.clock.nowMs()
    const gained = ((nowMs - bucket.filledAtMs) / 1000) * bucket.tenant.requestsPerSecond
    bucket.tokens = Math.min(bucket.tenant.burst, bucket.tokens + gained)
    bucket.filledAtMs = nowMs
  }

  return {
    /** Takes one token. @throws HttpError 429 when there is none */
    admit(tenantId: string, endpoint: string, context: RequestContext): void {
      const bucket = buckets.get(tenantId)
      if (!bucket) return
      refill(bucket)
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1
        return
      }
      metrics.rateLimited.inc({ tenant_id: tenantId, endpoint })
      const nowMs = ports.clock.nowMs()
      if (nowMs - bucket.loggedAtMs >= logEveryMs) {
        const fields = { endpoint, limit: bucket.tenant.requestsPerSecond, suppressed: bucket.unlogged }
        log.warn('rate_limited', `tenant ${tenantId} is over its rate limit`, fields, context)
        bucket.loggedAtMs = nowMs
        bucket.unlogged = 0
      } else {
        bucket.unlogged += 1
      }
      throw new HttpError(429, 'rate_limited', `over ${bucket.tenant.requestsPerSecond} requests a second`)
    },
    exposeQuota(): void {
      for (const bucket of buckets.values()) {
        refill(bucket)
        metrics.rateLimitQuota.set({ tenant_id: bucket.tenant.id }, Math.floor(bucket.tokens))
      }
    },
  }
}
