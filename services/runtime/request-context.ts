/**
 * The context of one request: ids, tenant and trace. Made where a request enters the platform, continued from headers
 * between services.
 */
import { TraceFlags } from '@opentelemetry/api'
import type { RequestContext, Rng } from './ports.ts'
import { parseTraceparent, type Span } from './telemetry/tracing.ts'

/** @returns makes the context of a request from its headers; `sampling` is the share that the head sampler takes. */
export function createRequestContext(
  rng: Rng,
  sampling: number,
): (headers: Readonly<Record<string, string>>) => RequestContext {
  const decisions = rng.fork('sampling')
  const ids = rng.fork('ids')
  return (headers) => {
    const remote = headers.traceparent ? parseTraceparent(headers.traceparent) : undefined
    // A caller that sends a request id has decided already: its sampled requests carry a traceparent.
    const sampled = remote
      ? (remote.traceFlags & TraceFlags.SAMPLED) !== 0
      : headers['x-request-id'] === undefined && decisions.chance(sampling)
    return new Context(headers, remote?.traceId, sampled, ids)
  }
}

/** The context of a job or of a message: traced when `sampled`. `traceId` continues a trace, a new one is drawn without it. */
export function createJobContext(
  ids: Rng,
  job: { tenantId: string; sampled: boolean; traceId?: string },
): RequestContext {
  return new Context({ 'x-tenant-id': job.tenantId }, job.traceId, job.sampled, ids)
}

class Context implements RequestContext {
  tenantId: string
  userId: string
  span: Span | undefined
  readonly sampled: boolean
  readonly #ids: Rng
  #requestId: string | undefined
  #traceId: string | undefined

  constructor(headers: Readonly<Record<string, string>>, traceId: string | undefined, sampled: boolean, ids: Rng) {
    this.tenantId = headers['x-tenant-id'] ?? 'none'
    this.userId = headers['x-user-id'] ?? ''
    this.span = undefined
    this.sampled = sampled
    this.#ids = ids
    this.#requestId = headers['x-request-id']
    this.#traceId = traceId ?? headers['x-trace-id']
  }

  /** Most requests are neither sampled nor fail, and nobody asks for their ids: they are drawn when asked for. */
  get requestId(): string {
    this.#requestId ??= `req-${this.#ids.hex(16)}`
    return this.#requestId
  }

  set requestId(requestId: string) {
    this.#requestId = requestId
  }

  get traceId(): string {
    this.#traceId ??= this.#ids.hex(32)
    return this.#traceId
  }

  set traceId(traceId: string) {
    this.#traceId = traceId
  }
}
