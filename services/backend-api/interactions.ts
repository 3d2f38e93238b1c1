/** Interactions: what users clicked and viewed, many events a call, handed to the bus. */
import { HttpError } from '../runtime/http-server.ts'
import type { Ports, RequestContext, ServiceRequest, ServiceResponse } from '../runtime/ports.ts'
import type { Claim } from './authenticate.ts'
import type { Dependencies } from './dependencies.ts'
import type { BackendApiMetrics } from './metrics.ts'
import { qualityWindowMs } from './recommendations.ts'

export interface InteractionsBody {
  /** Events in the call. */
  readonly events: number
  /** How many of them are clicks on recommended items. */
  readonly clicks: number
}

const bytesPerEvent = 140

export function createInteractions(ports: Ports, metrics: BackendApiMetrics, dependencies: Dependencies) {
  let windowStartMs = ports.clock.nowMs()
  const sums = new Map<string, { events: number; clicks: number }>()
  return {
    async accept(request: ServiceRequest, claim: Claim, context: RequestContext): Promise<ServiceResponse> {
      const body = request.body as InteractionsBody
      if (!body || !(body.events > 0)) throw new HttpError(400, 'invalid_body', 'events must be at least 1')
      await dependencies.publish(
        {
          topic: 'interactions',
          key: claim.userId,
          count: body.events,
          bytes: body.events * bytesPerEvent,
          tenantId: claim.tenant.id,
          value: { type: 'interactions', clicks: body.clicks },
        },
        context,
      )
      const sum = sums.get(claim.tenant.id) ?? { events: 0, clicks: 0 }
      sum.events += body.events
      sum.clicks += body.clicks
      sums.set(claim.tenant.id, sum)
      return { status: 202, body: { accepted: body.events }, bodyBytes: 24 }
    },
    exposeQuality(): void {
      const nowMs = ports.clock.nowMs()
      if (nowMs - windowStartMs < qualityWindowMs) return
      windowStartMs = nowMs
      for (const [tenantId, { events, clicks }] of sums) {
        metrics.recommendationQuality.set({ tenant_id: tenantId, metric: 'click_ratio' }, clicks / events)
      }
      sums.clear()
    },
  }
}
