/** Requests as a customer sends them, traced when the caller wants to find them again. */
import { randomBytes } from 'node:crypto'
import { Unanswered } from './check.ts'

export interface SentRequest {
  readonly traceId: string
  readonly status: number
  readonly ms: number
}

export interface RequestOptions {
  readonly tenantId: string
  readonly userId: string
  /** Whether the services are told to trace it. */
  readonly sampled: boolean
  /** Reports so many clicks, which go through the bus to the data pipeline, instead of asking for recommendations. */
  readonly clicks?: number
}

/** @throws Unanswered */
export async function sendRequest(
  backendApi: string,
  { tenantId, userId, sampled, clicks = 0 }: RequestOptions,
): Promise<SentRequest> {
  const traceId = randomBytes(16).toString('hex')
  const headers = {
    authorization: `Bearer ${tenantId}/${userId}`,
    traceparent: `00-${traceId}-${traceId.slice(0, 16)}-0${sampled ? 1 : 0}`,
  }
  const address = `${backendApi}/${clicks > 0 ? 'interactions' : 'recommendations'}`
  const startedMs = performance.now()
  try {
    const signal = AbortSignal.timeout(10_000)
    const report = { method: 'POST', body: JSON.stringify({ events: clicks, clicks }), signal }
    const response =
      clicks > 0
        ? await fetch(address, { ...report, headers: { ...headers, 'content-type': 'application/json' } })
        : await fetch(address, { headers, signal })
    await response.arrayBuffer()
    return { traceId, status: response.status, ms: performance.now() - startedMs }
  } catch (error) {
    throw new Unanswered(`${address}: ${(error as Error).message}`)
  }
}
