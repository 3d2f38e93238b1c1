/**
 * Asks a real Loki and a real Jaeger what the captured signals were asked: whether logs and traces of the drill are found
 * there, too. The servers must have been given the drill's signals (`firedrill run --push`); nothing is claimed otherwise.
 * Source: Loki's HTTP API (instant queries), Jaeger's HTTP JSON API (`/api/traces`)
 */
import { countOf } from '../count-text.ts'
import { verdictOf } from '../drill/conclude-drill.ts'
import type { DrillResult, ExpectationResult, Verdict } from '../drill/drill-result.ts'
import { exitCodeOf } from '../drill/exit-codes.ts'
import type { SpanRecord } from '../drill/span-record.ts'
import { JudgeError } from '../judge/judge.ts'
import type { Drill, LogExpected, TraceExpected } from '../scenario/scenario.ts'
import { askPanels } from './ask-panels.ts'
import { describeLogExpected } from './log.ts'
import { askJson, type Fetch, type Servers, withSlash } from './server-question.ts'
import { describeTraceExpected, judgeTraces } from './trace.ts'

/** Traces that Jaeger is asked for at most. */
const tracesMax = 1_500

/**
 * @param drill at the time at which its signals were sent
 * @returns the result with what the servers say, each as an expectation of its own
 */
export async function askServers(
  result: DrillResult,
  drill: Drill,
  servers: Servers,
  fetchUrl: Fetch = fetch,
): Promise<DrillResult> {
  const { loki, jaeger, dashboards = [] } = servers
  if (loki === undefined && jaeger === undefined) return result
  try {
    const logs =
      loki === undefined ? [] : await askEach(drill.expect.logs, (one) => askLoki(one, drill, loki, fetchUrl))
    const traces =
      jaeger === undefined ? [] : await askEach(drill.expect.traces, (one) => askJaeger(one, drill, jaeger, fetchUrl))
    const panels = await askPanels(result.panels, drill, dashboards, servers, fetchUrl)
    const asked = { ...result, logs: [...result.logs, ...logs], traces: [...result.traces, ...traces], panels }
    // A panel that was not judged may have been all that failed.
    return judgedVerdicts.includes(result.verdict) ? withVerdict(asked, verdictOf(asked)) : asked
  } catch (error) {
    if (!(error instanceof JudgeError)) throw error
    const unanswered = { ...result, notes: [error.message, ...result.notes] }
    return withVerdict(unanswered, 'judge did not answer')
  }
}

/** Those that what a server says can change. */
const judgedVerdicts: readonly Verdict[] = ['held', 'expectation failed', 'panel can never show data']

function withVerdict(result: DrillResult, verdict: DrillResult['verdict']): DrillResult {
  return { ...result, verdict, exitCode: exitCodeOf(verdict) }
}

async function askEach<Item>(items: readonly Item[], ask: (item: Item) => Promise<ExpectationResult>) {
  const results: ExpectationResult[] = []
  for (const item of items) results.push(await ask(item))
  return results
}

async function askLoki(expected: LogExpected, drill: Drill, url: string, fetchUrl: Fetch): Promise<ExpectationResult> {
  const { startMs, endMs } = timeOf(expected, drill)
  const query = countQuery(expected, endMs - startMs)
  const address = new URL('loki/api/v1/query', withSlash(url))
  address.searchParams.set('query', query)
  address.searchParams.set('time', `${endMs}000000`)
  const answer = (await askJson('Loki', address, fetchUrl)) as {
    data?: { result?: readonly { value?: [number, string] }[] }
  }
  const count = (answer.data?.result ?? []).reduce((sum, { value }) => sum + Number(value?.[1] ?? 0), 0)
  const { atLeast, atMost } = expected
  const ok = count >= atLeast && (atMost === undefined || count <= atMost)
  const wanted = atMost === undefined ? `at least ${atLeast}` : atMost === 0 ? 'none' : `${atLeast} to ${atMost}`
  const found = countOf(count, 'line')
  return {
    what: `${describeLogExpected(expected)} (Loki)`,
    ok,
    detail: ok ? found : `${found}, expected ${wanted}: ${query}`,
  }
}

/** Labels where there are labels, structured metadata where ids travel, and the line itself for the rest. */
export function countQuery({ service, level, event, fields }: LogExpected, windowMs: number): string {
  const selector = [
    service === undefined ? 'service=~".+"' : `service=${JSON.stringify(service)}`,
    ...(level === undefined ? [] : [`level=${JSON.stringify(level.toLowerCase())}`]),
  ]
  const asked = Object.entries(fields)
  const ofLine = asked.filter(([name]) => !metadata.includes(name))
  const extracted = ['event', ...ofLine.map(([name]) => name)].map((name) => `${name}=${JSON.stringify(name)}`)
  const filters = [['event', event] as const, ...asked].map(
    ([name, value]) => ` | ${name}=${JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  // A range is open at its start, the window is not: one millisecond more.
  return `sum(count_over_time({${selector.join(', ')}} | json ${extracted.join(', ')}${filters.join('')} [${windowMs + 1}ms]))`
}

const metadata: readonly string[] = ['request_id', 'tenant_id', 'user_id', 'trace_id', 'span_id']

async function askJaeger(
  expected: TraceExpected,
  drill: Drill,
  url: string,
  fetchUrl: Fetch,
): Promise<ExpectationResult> {
  const { startMs, endMs } = timeOf(expected, drill)
  const address = new URL('api/traces', withSlash(url))
  address.searchParams.set('service', expected.service)
  address.searchParams.set('start', String(startMs * 1000))
  address.searchParams.set('end', String(endMs * 1000))
  address.searchParams.set('limit', String(tracesMax))
  if (expected.slowerThanMs !== undefined) address.searchParams.set('minDuration', `${expected.slowerThanMs}ms`)
  const answer = (await askJson('Jaeger', address, fetchUrl)) as { data?: readonly JaegerTrace[] }
  const spans = (answer.data ?? []).flatMap(spansOf)
  // Whether log lines carry the ids is asked of the captured signals and of Loki.
  const alone = { ...drill, expect: { ...drill.expect, traces: [{ ...expected, logs: undefined }] } }
  const nothing = async function* () {}
  const evidence = {
    logs: nothing,
    spans: async function* () {
      yield* spans
    },
  }
  const [result] = await judgeTraces(alone, evidence)
  return { ...result!, what: `${describeTraceExpected(expected)} (Jaeger)` }
}

interface JaegerTrace {
  readonly traceID: string
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
  readonly spans: readonly {
    readonly spanID: string
    readonly operationName: string
    readonly processID: string
    /** Microseconds. */
    readonly startTime: number
    readonly duration: number
    readonly tags?: readonly { readonly key: string; readonly value: unknown }[]
  }[]
}

function spansOf({ traceID, processes, spans }: JaegerTrace): SpanRecord[] {
  return spans.map((span) => {
    const tags = span.tags ?? []
    const failed = tags.some(
      ({ key, value }) =>
        (key === 'error' && String(value) === 'true') || (key === 'otel.status_code' && value === 'ERROR'),
    )
    return {
      service: processes[span.processID]?.serviceName ?? '',
      traceId: traceID,
      spanId: span.spanID,
      parentSpanId: undefined,
      name: span.operationName,
      kind: 0,
      startMs: span.startTime / 1000,
      durationMs: span.duration / 1000,
      attributes: {},
      status: { code: failed ? 2 : 0 },
      events: [],
      links: [],
    }
  })
}

function timeOf(
  { duringMs }: { readonly duringMs: readonly [number, number] | undefined },
  { startMs, lengthMs }: Drill,
): { startMs: number; endMs: number } {
  const [from, to] = duringMs ?? [0, lengthMs]
  return { startMs: startMs + from, endMs: startMs + to }
}
