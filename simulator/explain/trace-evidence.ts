/** A few traces that show a fault: an ordinary request before it, the slowest one and a failed one during it. */
import type { TraceEvidence, TraceSpan } from '../drill/drill-evidence.ts'
import type { Interval } from '../drill/drill-result.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import type { Drill } from '../scenario/scenario.ts'

/** Requests from outside; what a service does by itself (a training) takes minutes on a good day. */
const serverKind = 1
const spansShown = 40

/** Reads all spans twice: once to choose, once for the chosen. Memory does not grow with their number. */
export async function collectTraces(
  spans: () => AsyncIterable<SpanRecord>,
  { startMs }: Pick<Drill, 'startMs'>,
  [fromS, toS]: Interval,
): Promise<TraceEvidence[]> {
  const slowest = new Slowest()
  const usual = new Slowest()
  const failed = new Slowest()
  for await (const span of spans()) {
    const atS = (span.startMs - startMs) / 1000
    if (span.parentSpanId === undefined && span.kind === serverKind) {
      if (atS >= fromS && atS <= toS) slowest.offer(span)
      // The last minutes before the fault: caches are warm.
      else if (atS < fromS && atS > fromS - 120 && span.status.code !== 2) usual.offer(span)
    }
    if (span.status.code === 2 && atS >= fromS && atS <= toS) failed.offer(span)
  }
  const before = usual.alike(slowest.span)
  const picked = [
    { what: 'The same kind of request before the fault', span: before },
    { what: fromS > 0 ? 'The slowest request during the fault' : 'The slowest request', span: slowest.span },
    { what: 'A failed request during the fault', span: failed.span },
  ].flatMap(({ what, span }) => (span ? { what, traceId: span.traceId } : []))
  const chosen = picked.filter(({ traceId }, i) => picked.findIndex((one) => one.traceId === traceId) === i)
  const bySpan = new Map<string, SpanRecord[]>(chosen.map(({ traceId }) => [traceId, []]))
  if (chosen.length > 0) for await (const span of spans()) bySpan.get(span.traceId)?.push(span)
  return chosen.map(({ what, traceId }) => traceOf(what, bySpan.get(traceId)!, startMs))
}

/** The longest span, and the longest of each name. */
class Slowest {
  span: SpanRecord | undefined
  readonly #byName = new Map<string, SpanRecord>()

  offer(span: SpanRecord): void {
    if (!this.span || span.durationMs > this.span.durationMs) this.span = span
    const key = `${span.service} ${span.name}`
    const before = this.#byName.get(key)
    if (!before || span.durationMs > before.durationMs) this.#byName.set(key, span)
  }

  /** One of the same name as the other, so that the two can be compared. */
  alike(other: SpanRecord | undefined): SpanRecord | undefined {
    return (other && this.#byName.get(`${other.service} ${other.name}`)) ?? this.span
  }
}

function traceOf(what: string, spans: readonly SpanRecord[], drillStartMs: number): TraceEvidence {
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const endMs = Math.max(...spans.map((span) => span.startMs + span.durationMs))
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const ordered: TraceSpan[] = []
  const visit = (parent: string | undefined, depth: number) => {
    const children = spans
      .filter((span) =>
        parent === undefined ? !span.parentSpanId || !ids.has(span.parentSpanId) : span.parentSpanId === parent,
      )
      .toSorted((a, b) => a.startMs - b.startMs || (a.spanId < b.spanId ? -1 : 1))
    for (const span of children) {
      ordered.push(describe(span, depth, startMs))
      visit(span.spanId, depth + 1)
    }
  }
  visit(undefined, 0)
  return {
    what,
    traceId: spans[0]!.traceId,
    atS: (startMs - drillStartMs) / 1000,
    durationMs: endMs - startMs,
    spans: ordered.slice(0, spansShown),
    more: Math.max(0, ordered.length - spansShown),
  }
}

function describe(span: SpanRecord, depth: number, traceStartMs: number): TraceSpan {
  const { service, name, durationMs, status, events, attributes } = span
  const exception = events.find((event) => event.name === 'exception')?.attributes['exception.message']
  const code = attributes['http.response.status_code']
  const note =
    status.message ?? (exception === undefined ? (code === undefined ? '' : String(code)) : String(exception))
  return { service, name, durationMs, depth, startMs: span.startMs - traceStartMs, failed: status.code === 2, note }
}
