/** A finished span as one line of JSON, with the names of OTLP. */
import type { ReadableSpan } from './tracing.ts'

export interface SpanRecord {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** OpenTelemetry's SpanKind: 0 internal, 1 server, 2 client, 3 producer, 4 consumer. */
  readonly kind: number
  /** Milliseconds since the Unix epoch, down to whole microseconds. */
  readonly startMs: number
  readonly durationMs: number
  readonly attributes: Readonly<Record<string, unknown>>
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message?: string }
  readonly events: readonly {
    readonly name: string
    /** As `startMs`. */
    readonly timeMs: number
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
}

export function spanRecord(span: ReadableSpan): SpanRecord {
  const { traceId, spanId } = span.spanContext()
  return {
    service: String(span.resource.attributes['service.name']),
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    name: span.name,
    kind: span.kind,
    startMs: millisecondsOf(span.startTime),
    durationMs: millisecondsOf(span.duration),
    attributes: span.attributes,
    status: span.status,
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      timeMs: millisecondsOf(time),
      attributes: attributes ?? {},
    })),
    links: span.links.map(({ context }) => ({ traceId: context.traceId, spanId: context.spanId })),
  }
}

function millisecondsOf([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + Math.round(nanoseconds / 1000) / 1000
}
