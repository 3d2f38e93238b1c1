/**
 * Finished spans to an OTLP/HTTP receiver (Jaeger, an OpenTelemetry Collector) as JSON.
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp (what may be sent again, partial success) and the JSON
 * mapping there (ids in hexadecimal, 64 bit numbers as text).
 */
import type { SpanRecord } from '../drill/span-record.ts'
import { Delivery, type SinkOptions } from './delivery.ts'

export interface OtlpSinkOptions extends SinkOptions {
  /** Address of the receiver, for example `http://localhost:4318`. */
  readonly url: string
  /** Resource attribute `deployment.environment.name`. */
  readonly environment: string
}

/** About what a span takes on the wire; the limits need no more than that. */
const bytesPerSpan = 700

export function createOtlpSink({ url, environment, ...options }: OtlpSinkOptions): Delivery<SpanRecord> {
  return new Delivery<SpanRecord>({
    ...options,
    name: 'otlp',
    batchItemsMax: 2_000,
    batchBytesMax: 2_000_000,
    bytesOf: () => bytesPerSpan,
    // The specification names these four, and only these.
    isRepeatable: (status) => [429, 502, 503, 504].includes(status),
    rejectedOf(answer) {
      const { partialSuccess } = parse(answer)
      const records = Number(partialSuccess?.rejectedSpans ?? 0)
      const said = partialSuccess?.errorMessage
      return records > 0 ? { records, reason: `otlp rejected${said ? `: ${said}` : ''}` } : undefined
    },
    encode: (spans) => ({
      url: `${url.replace(/\/$/, '')}/v1/traces`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: resourceSpansOf(spans, environment) }),
    }),
  })
}

function parse(answer: string): { partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string } } {
  try {
    return JSON.parse(answer) as ReturnType<typeof parse>
  } catch {
    // A receiver may answer success with no body at all.
    return {}
  }
}

function resourceSpansOf(spans: readonly SpanRecord[], environment: string) {
  const byService = new Map<string, SpanRecord[]>()
  for (const span of spans) {
    const list = byService.get(span.service)
    if (list) list.push(span)
    else byService.set(span.service, [span])
  }
  return [...byService].map(([service, list]) => ({
    resource: { attributes: attributesOf({ 'service.name': service, 'deployment.environment.name': environment }) },
    scopeSpans: [{ scope: { name: 'firedrill' }, spans: list.map(spanOf) }],
  }))
}

function spanOf(span: SpanRecord) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId && { parentSpanId: span.parentSpanId }),
    name: span.name,
    // In OTLP 0 is "unspecified", and the kinds of the API begin at 1.
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.startMs + span.durationMs),
    attributes: attributesOf(span.attributes),
    status: span.status,
    events: span.events.map(({ name, timeMs, attributes }) => ({
      name,
      timeUnixNano: nanoseconds(timeMs),
      attributes: attributesOf(attributes),
    })),
    links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
  }
}

/** Whole microseconds as nanoseconds; the number itself would be too large to be exact. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}

function attributesOf(attributes: Readonly<Record<string, unknown>>) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }))
}

function anyValueOf(value: unknown): Record<string, unknown> {
  switch (typeof value) {
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    default:
      return Array.isArray(value) ? { arrayValue: { values: value.map(anyValueOf) } } : { stringValue: String(value) }
  }
}
