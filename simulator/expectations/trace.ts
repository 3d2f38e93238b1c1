/** Whether traces show what the scenario expects: which services a request went through, how long it took, its logs. */
import type { ExpectationResult } from '../drill/drill-result.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import type { Drill, TraceExpected } from '../scenario/scenario.ts'
import { formatDuration } from './clock-text.ts'
import type { Evidence } from './evidence.ts'

/** What is kept of one trace while the spans go by. */
interface Trace {
  readonly services: Set<string>
  readonly failed: Set<string>
  /** Longest span of each service, milliseconds. */
  readonly longestMs: Map<string, number>
  startMs: number
}

export async function judgeTraces(drill: Drill, evidence: Evidence): Promise<ExpectationResult[]> {
  const expected = drill.expect.traces
  if (expected.length === 0) return []
  const traces = new Map<string, Trace>()
  for await (const span of evidence.spans()) addSpan(traces, span)
  const matching = expected.map((one) => [...traces].filter(([, trace]) => matches(trace, one, drill.startMs)))
  const linked = new Set<string>()
  if (expected.some(({ logs }) => logs === 'linked')) {
    for await (const record of evidence.logs()) {
      if (typeof record.trace_id === 'string') linked.add(record.trace_id)
    }
  }
  return expected.map((one, i) => judge(one, matching[i]!, linked))
}

function addSpan(traces: Map<string, Trace>, span: SpanRecord): void {
  const trace = traces.get(span.traceId) ?? {
    services: new Set(),
    failed: new Set(),
    longestMs: new Map(),
    startMs: span.startMs,
  }
  traces.set(span.traceId, trace)
  trace.services.add(span.service)
  if (span.status.code === 2) trace.failed.add(span.service)
  trace.longestMs.set(span.service, Math.max(trace.longestMs.get(span.service) ?? 0, span.durationMs))
  trace.startMs = Math.min(trace.startMs, span.startMs)
}

function matches(trace: Trace, expected: TraceExpected, drillStartMs: number): boolean {
  const { service, through, duringMs, slowerThanMs, error } = expected
  if (!trace.services.has(service)) return false
  if (through !== undefined && !trace.services.has(through)) return false
  if (error !== undefined && trace.failed.has(service) !== error) return false
  if (slowerThanMs !== undefined && (trace.longestMs.get(service) ?? 0) < slowerThanMs) return false
  if (!duringMs) return true
  const atMs = trace.startMs - drillStartMs
  return atMs >= duringMs[0] && atMs <= duringMs[1]
}

function judge(
  expected: TraceExpected,
  found: readonly (readonly [string, Trace])[],
  linked: ReadonlySet<string>,
): ExpectationResult {
  const { service, through, during, slowerThanMs, error, logs, atLeast } = expected
  const what = [
    `traces of ${service}`,
    through && ` through ${through}`,
    slowerThanMs !== undefined && ` slower than ${formatDuration(slowerThanMs)}`,
    error !== undefined && (error ? ' with an error' : ' without an error'),
    during && ` during ${during}`,
  ]
    .filter(Boolean)
    .join('')
  const count = found.length === 1 ? '1 trace' : `${found.length} traces`
  if (found.length < atLeast) return { what, ok: false, detail: `${count}, expected at least ${atLeast}` }
  const unlinked = logs === 'linked' ? found.filter(([id]) => !linked.has(id)) : []
  if (unlinked.length > 0) {
    return {
      what,
      ok: false,
      detail: `${unlinked.length} of ${count} have no log line, for example ${unlinked[0]![0]}`,
    }
  }
  return { what, ok: true, detail: logs === 'linked' ? `${count}, each with log lines` : count }
}
