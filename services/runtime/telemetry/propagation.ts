/**
 * How a request's context travels: W3C trace context and the platform's ids, in the headers of HTTP and of Kafka alike.
 * What arrives is somebody else's text: what is not well-formed is left out, never an error.
 */
import { type SpanContext, TraceFlags } from '@opentelemetry/api'
import { activeSpan, currentRequestFields, type RequestFields } from './request-fields.ts'

/** Header values as Node's HTTP and as kafkajs give them. */
export type Headers = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
type HeaderValue = string | Uint8Array | undefined

export interface ExtractedContext extends RequestFields {
  /** A valid W3C header, for `startRemote` or for a link. */
  traceparent?: string
  /** Whether the sender records this trace; undefined without a trace. */
  sampled?: boolean
}

type SpanIds = Pick<SpanContext, 'traceId' | 'spanId'> & { readonly traceFlags?: number }

/**
 * Writes the context into headers, which are given back. Without arguments: the request that is being worked on and the
 * active span.
 */
export function injectContext<Carrier extends Record<string, string>>(
  carrier: Carrier,
  context: RequestFields | undefined = currentRequestFields(),
  span: SpanIds | undefined = activeSpan(),
): Carrier {
  const headers: Record<string, string> = carrier
  if (context?.requestId) headers['x-request-id'] = context.requestId
  if (context?.tenantId !== undefined) headers['x-tenant-id'] = context.tenantId
  if (context?.userId !== undefined) headers['x-user-id'] = context.userId
  if (context?.traceId) headers['x-trace-id'] = context.traceId
  if (span) headers.traceparent = traceparentOf(span)
  return carrier
}

/** Reads what `injectContext` wrote. */
export function extractContext(headers: Headers): ExtractedContext {
  const extracted: ExtractedContext = {}
  const traceparent = textOf(headers.traceparent)
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  if (parent) {
    extracted.traceparent = traceparent!
    extracted.traceId = parent.traceId
    extracted.sampled = (parent.traceFlags & TraceFlags.SAMPLED) !== 0
  }
  const requestId = textOf(headers['x-request-id'])
  const tenantId = textOf(headers['x-tenant-id'])
  const userId = textOf(headers['x-user-id'])
  if (requestId !== undefined) extracted.requestId = requestId
  if (tenantId !== undefined) extracted.tenantId = tenantId
  if (userId !== undefined) extracted.userId = userId
  return extracted
}

/** W3C trace context of a span: `00-<trace>-<span>-01`. */
export function traceparentOf({ traceId, spanId, traceFlags = TraceFlags.SAMPLED }: SpanIds): string {
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`
}

/** @returns undefined when the header is no W3C trace context. Source: https://www.w3.org/TR/trace-context/ */
export function parseTraceparent(header: string): SpanContext | undefined {
  const match = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header)
  // Version 00 ends after the flags; a later one may go on.
  if (!match || (match[1] === '00' && match[5] !== undefined)) return undefined
  return { traceId: match[2]!, spanId: match[3]!, traceFlags: Number.parseInt(match[4]!, 16) & TraceFlags.SAMPLED }
}

function textOf(value: HeaderValue | readonly HeaderValue[]): string | undefined {
  const first = Array.isArray(value) ? value[0] : value
  if (first === undefined || first === null) return undefined
  return typeof first === 'string' ? first : Buffer.from(first as Uint8Array).toString()
}
