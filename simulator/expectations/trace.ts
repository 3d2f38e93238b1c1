/** Whether traces show what the scenario expects: which services a request went through, how long it took, its logs. */
import { countOf } from '../count-text.ts'
import type { ExpectationResult } from '../drill/drill-result.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import type { Drill, TraceExpected } from '../scenario/scenario.ts'
import { formatClock, formatDuration } from './clock-text.ts'
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
  return expected.map((one, i) => {
    const result = judge(one, matching[i]!, linked)
    if (matching[i]!.length >= one.atLeast) return result
    return { ...result, detail: `${result.detail}; ${closestMiss(traces, one, drill.startMs)}` }
  })
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

/** The trace that nearly was one: fewest things differ, then the slowest, then the nearest in time. */
function closestMiss(traces: ReadonlyMap<string, Trace>, expected: TraceExpected, startMs: number): string {
  let nearest: { id: string; trace: Trace; differences: readonly string[]; far: number } | undefined
  for (const [id, trace] of traces) {
    if (!trace.services.has(expected.service)) continue
    const differences = differencesOf(trace, expected, startMs)
    if (differences.length === 0) continue
    const far = farness(trace, expected, startMs)
    if (
      !nearest ||
      differences.length < nearest.differences.length ||
      (differences.length === nearest.differences.length && far < nearest.far)
    )
      nearest = { id, trace, differences, far }
  }
  if (!nearest) return `no other trace has a span of ${expected.service}`
  const at = formatClock((nearest.trace.startMs - startMs) / 1000)
  return `the closest, ${nearest.id} at ${at}, ${nearest.differences.join(' and ')}`
}

/** In words that follow "the closest trace". */
function differencesOf(trace: Trace, expected: TraceExpected, startMs: number): string[] {
  const { service, through, duringMs, slowerThanMs, error } = expected
  const differences: string[] = []
  if (through !== undefined && !trace.services.has(through)) differences.push(`does not pass ${through}`)
  if (error !== undefined && trace.failed.has(service) !== error)
    differences.push(error ? 'has no failed span' : 'has a failed span')
  const tookMs = trace.longestMs.get(service) ?? 0
  if (slowerThanMs !== undefined && tookMs < slowerThanMs) differences.push(`took ${formatDuration(tookMs)}`)
  const away = duringMs ? awayFrom(trace.startMs - startMs, duringMs) : 0
  if (duringMs && away > 0) {
    const side = trace.startMs - startMs < duringMs[0] ? 'too early' : 'too late'
    differences.push(`is ${formatDuration(away)} ${side}`)
  }
  return differences
}

/** Of traces that differ in equally many things. A trace in its time that is too fast is nearer than a slow one elsewhere. */
function farness(trace: Trace, { service, duringMs, slowerThanMs }: TraceExpected, startMs: number): number {
  const away = duringMs ? awayFrom(trace.startMs - startMs, duringMs) : 0
  const missingMs = slowerThanMs === undefined ? 0 : Math.max(0, slowerThanMs - (trace.longestMs.get(service) ?? 0))
  return missingMs + away
}

function awayFrom(atMs: number, [fromMs, toMs]: readonly [number, number]): number {
  return atMs < fromMs ? fromMs - atMs : Math.max(0, atMs - toMs)
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
  const { logs, atLeast } = expected
  const what = describeTraceExpected(expected)
  const count = countOf(found.length, 'trace')
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

export function describeTraceExpected({ service, through, during, slowerThanMs, error }: TraceExpected): string {
  return [
    `traces of ${service}`,
    through && ` through ${through}`,
    slowerThanMs !== undefined && ` slower than ${formatDuration(slowerThanMs)}`,
    error !== undefined && (error ? ' with an error' : ' without an error'),
    during && ` during ${during}`,
  ]
    .filter(Boolean)
    .join('')
}
