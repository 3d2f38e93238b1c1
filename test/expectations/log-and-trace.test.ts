import { describe, expect, it } from 'vitest'
import type { SpanRecord } from '../../simulator/drill/span-record.ts'
import { judgeLogs } from '../../simulator/expectations/log.ts'
import { judgeTraces } from '../../simulator/expectations/trace.ts'
import type { Drill, LogExpected, TraceExpected } from '../../simulator/scenario/scenario.ts'

const startMs = Date.parse('2026-01-05T09:00:00Z')
const minute = 60_000

function drillThatExpects(expect: { logs?: Partial<LogExpected>[]; traces?: Partial<TraceExpected>[] }): Drill {
  const logs = (expect.logs ?? []).map((one) => ({ event: 'etl_failed', fields: {}, atLeast: 1, ...one }))
  const traces = (expect.traces ?? []).map((one) => ({ service: 'backend-api', atLeast: 1, ...one }))
  return { startMs, lengthMs: 60 * minute, expect: { logs, traces } } as unknown as Drill
}

function line(atMs: number, fields: Record<string, unknown> = {}) {
  const timestamp = new Date(startMs + atMs).toISOString()
  return { timestamp, level: 'ERROR', service: 'data-pipeline', event: 'etl_failed', ...fields }
}

async function detailOfLog(expected: Partial<LogExpected>, ...lines: object[]): Promise<string> {
  const logs = async function* () {
    yield* lines as Record<string, unknown>[]
  }
  const [result] = await judgeLogs(drillThatExpects({ logs: [expected] }), { logs })
  return `${result!.ok ? 'held' : 'failed'}: ${result!.detail}`
}

describe('a log expectation', () => {
  const during = { during: 'outage', duringMs: [10 * minute, 20 * minute] as const }

  it('holds when enough lines match', async () => {
    expect(await detailOfLog(during, line(11 * minute), line(12 * minute))).toBe('held: 2 lines')
  })

  it('tells how far the nearest line lies outside of the window', async () => {
    expect(await detailOfLog(during, line(2 * minute), line(21 * minute), line(40 * minute))).toBe(
      'failed: 0 lines, expected at least 1; the closest, at 21:00, is 1m too late',
    )
    expect(await detailOfLog(during, line(9.5 * minute))).toContain('at 09:30, is 30s too early')
  })

  it('tells which field differs in the nearest line, even where one further away is right', async () => {
    const expected = { ...during, fields: { reason: 'timeout' } }
    const lines = [line(50 * minute, { reason: 'disk' }), line(12 * minute, { reason: 'schema' })]
    expect(await detailOfLog(expected, ...lines)).toContain('the closest, at 12:00, has reason="schema"')
    expect(await detailOfLog(expected, line(12 * minute))).toContain('has no reason')
  })

  it('tells level and service that differ', async () => {
    const expected = { service: 'backend-api', level: 'WARN' } as const
    expect(await detailOfLog(expected, line(0))).toContain('is of data-pipeline and has level ERROR')
  })

  it('says when no line has the event at all', async () => {
    expect(await detailOfLog({}, line(0, { event: 'etl_started' }))).toBe(
      'failed: 0 lines, expected at least 1; no line of the whole drill has the event etl_failed',
    )
  })

  it('tells the first line where none may be', async () => {
    expect(await detailOfLog({ atLeast: 0, atMost: 0 }, line(3 * minute))).toBe(
      'failed: 1 line, expected none; the first is at 03:00',
    )
  })
})

function span(traceId: string, service: string, atMs: number, durationMs: number, code = 0): SpanRecord {
  const more = { spanId: 's', parentSpanId: undefined, name: 'n', kind: 1, attributes: {}, events: [], links: [] }
  return { traceId, service, startMs: startMs + atMs, durationMs, status: { code }, ...more }
}

async function detailOfTrace(expected: Partial<TraceExpected>, ...spans: SpanRecord[]): Promise<string> {
  const evidence = {
    logs: async function* () {},
    spans: async function* () {
      yield* spans
    },
  }
  const [result] = await judgeTraces(drillThatExpects({ traces: [expected] }), evidence)
  return `${result!.ok ? 'held' : 'failed'}: ${result!.detail}`
}

describe('a trace expectation', () => {
  const slow = { slowerThanMs: 400, during: 'outage', duringMs: [10 * minute, 20 * minute] as const }

  it('tells the slowest trace of its time when none is slow enough', async () => {
    const spans = [span('a', 'backend-api', 11 * minute, 40), span('b', 'backend-api', 12 * minute, 320)]
    expect(await detailOfTrace(slow, ...spans)).toBe(
      'failed: 0 traces, expected at least 1; the closest, b at 12:00, took 320ms',
    )
  })

  it('tells a slow one that lies outside of the window', async () => {
    expect(await detailOfTrace(slow, span('a', 'backend-api', 21 * minute, 900))).toContain(
      'the closest, a at 21:00, is 1m too late',
    )
  })

  it('tells what a trace lacks', async () => {
    const expected = { through: 'ml-engine', error: true } as const
    expect(await detailOfTrace(expected, span('a', 'backend-api', 0, 1))).toContain(
      'does not pass ml-engine and has no failed span',
    )
    expect(await detailOfTrace(expected, span('a', 'data-pipeline', 0, 1))).toContain(
      'no other trace has a span of backend-api',
    )
  })
})
