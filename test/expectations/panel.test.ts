/** What panels show against what is expected of them, over series that are written down here. */
import { describe, expect, it } from 'vitest'
import type { PanelSeries, TargetEvaluation } from '../../simulator/dashboards/panel-evaluation.ts'
import type { PanelResult } from '../../simulator/drill/drill-result.ts'
import { judgePanels, unmatchedExpectations } from '../../simulator/expectations/panel.ts'
import type { Drill, PanelExpected } from '../../simulator/scenario/scenario.ts'

const minute = 60_000
const outage = { id: 'outage', fault: 'dependency.outage', startMs: 20 * minute, endMs: 30 * minute, ends: true }

function drill(...panels: Partial<PanelExpected>[]): Drill {
  const expected = panels.map((one) => ({ dashboard: 'small', panel: 'Latency', labels: {}, by: 0.2, ...one }))
  return {
    lengthMs: 40 * minute,
    steady: { fromMs: 2 * minute, allowed: [] },
    events: [outage],
    expect: { panels: expected },
  } as unknown as Drill
}

/** One point a minute. */
function series(name: string, valueAt: (atMinute: number) => number | undefined): PanelSeries {
  const timesMs: number[] = []
  const values: number[] = []
  for (let at = 0; at <= 40; at += 1) {
    const value = valueAt(at)
    if (value === undefined) continue
    timesMs.push(at * minute)
    values.push(value)
  }
  return { name, labels: { service: name }, timesMs, values }
}

const during = (at: number) => at >= 20 && at < 30

function query(list: readonly PanelSeries[], more: Partial<TargetEvaluation> = {}, refId = 'A'): TargetEvaluation {
  return {
    dashboard: { uid: 'small', title: 'Small' },
    panel: { title: 'Latency', targets: [{ refId }] },
    target: { refId, expression: 'up' },
    expression: 'up',
    stepMs: minute,
    facts: undefined,
    notJudged: undefined,
    broken: undefined,
    failures: [],
    series: list,
    ...more,
  } as unknown as TargetEvaluation
}

function judge(given: Drill, ...queries: TargetEvaluation[]): PanelResult[] {
  return judgePanels(given, queries, { explainAbsent: () => undefined })
}

const inOutage = { during: 'outage', duringMs: [outage.startMs, outage.endMs] as const }
const steps = series('a', (at) => (during(at) ? 3 : 1))

describe('a panel that should move', () => {
  it.each<[string, PanelSeries, 'up' | 'down' | 'no', number]>([
    ['up when its median rises', steps, 'up', 0.2],
    ['down when its median falls', series('a', (at) => (during(at) ? 1 : 3)), 'down', 0.2],
    ['not when it stays', series('a', () => 1), 'no', 0.2],
    ['not when it changes by less than is asked', series('a', (at) => (during(at) ? 1.4 : 1)), 'no', 0.5],
    ['up from zero', series('a', (at) => (during(at) ? 0.1 : 0)), 'up', 0.2],
    ['up when it comes with the event', series('a', (at) => (during(at) ? 1 : undefined)), 'up', 0.2],
    ['down when it goes with the event', series('a', (at) => (during(at) ? undefined : 1)), 'down', 0.2],
  ])('moves %s', (_, one, moves, by) => {
    const [result] = judge(drill({ ...inOutage, moves, by }), query([one]))
    expect(result).toMatchObject({ ok: true, moves })
  })

  it('fails with the numbers of the series that came closest', () => {
    const flat = series('b', () => 5)
    const [result] = judge(
      drill({ ...inOutage, moves: 'up' }),
      query([flat, series('c', (at) => (during(at) ? 1.1 : 1))]),
    )
    expect(result).toMatchObject({ ok: false, before: 1, during: 1.1 })
    expect(result!.detail).toBe('1 before, 1.1 during (c), expected up by 20 % or more')
  })

  it('holds when one of its queries moves', () => {
    const one = query([series('p50', () => 1)])
    const other = query([steps], { panel: one.panel }, 'B')
    const results = judge(drill({ ...inOutage, moves: 'up' }), one, other)
    expect(results.map(({ ok }) => ok)).toEqual([true, true])
  })

  it('can be asked of one series alone', () => {
    const one = drill(
      { ...inOutage, moves: 'up', labels: { service: 'b' } },
      { ...inOutage, moves: 'up', legend: 'a*' },
    )
    expect(judge(one, query([steps, series('b', () => 1)])).map(({ ok }) => ok)).toEqual([false, true])
  })
})

describe('a panel that should have data', () => {
  it('has it', () => {
    expect(judge(drill({ has: 'data' }), query([steps]))[0]).toMatchObject({ ok: true, state: 'data' })
  })

  it('fails when it is empty', () => {
    const [result] = judge(drill({ ...inOutage, has: 'data' }), query([series('a', (at) => (at < 10 ? 1 : undefined))]))
    expect(result).toMatchObject({ ok: false, state: 'empty', detail: 'no data from 20:00 to 30:00' })
  })

  it('fails when a series is mostly NaN', () => {
    const [result] = judge(drill({ has: 'data' }), query([steps, series('b', () => Number.NaN)]))
    expect(result).toMatchObject({ ok: false, detail: 'b is NaN at 39 of 39 points from 02:00 to 40:00' })
  })

  it('fails for each query that is empty, even when another has data', () => {
    const results = judge(drill({ has: 'data' }), query([steps]), query([], {}, 'B'))
    expect(results.map(({ refId, ok }) => [refId, ok])).toEqual([
      ['A', true],
      ['B', false],
    ])
  })
})

it('a panel that should show nothing fails when it shows something', () => {
  const nothing = drill({ ...inOutage, has: 'nothing' })
  expect(judge(nothing, query([]))[0]!.ok).toBe(true)
  expect(judge(nothing, query([steps]))[0]!.ok).toBe(false)
})

describe('a query that nothing is expected of', () => {
  it('may be empty', () => {
    expect(judge(drill(), query([]))[0]).toMatchObject({ ok: true, state: 'empty', expected: null, moves: null })
  })

  it('fails when Prometheus refuses it, and names the query', () => {
    const failures = [{ atMs: 0, message: 'found duplicate series' }]
    const [result] = judge(drill(), query([], { failures, expression: 'a\n  / b' }))
    expect(result).toMatchObject({ ok: false, state: 'error' })
    expect(result!.detail).toBe('the query fails: found duplicate series: a / b')
  })

  it('fails when what it selects can never be there', () => {
    const [result] = judgePanels(drill(), [query([])], { explainAbsent: () => 'no target exposes upp' })
    expect(result).toMatchObject({ ok: false, detail: 'can never show data: no target exposes upp: up' })
  })

  it('moves when it leaves what it did before', () => {
    expect(judge(drill(), query([steps]))[0]!.moves).toBe('up')
  })

  it('does not move when it only goes on as before', () => {
    // A counter of the last hour, and noise: both change by more than 20 % without any fault.
    expect(judge(drill(), query([series('a', (at) => at * 10)]))[0]!.moves).toBe('no')
    expect(judge(drill(), query([series('a', (at) => [1, 2, 1, 3][at % 4]!)]))[0]!.moves).toBe('no')
  })

  it('does not move when series come and go by themselves', () => {
    const jobs = [5, 12, 22].map((from) => series(`job ${from}`, (at) => (at >= from && at < from + 6 ? 1 : undefined)))
    expect(judge(drill(), query(jobs))[0]!.moves).not.toBe('up')
  })
})

it('a query without a judge never passes an expectation, and fails nothing else', () => {
  const loki = query([], { notJudged: 'its data source is loki, which has no judge here' })
  expect(judge(drill(), loki)[0]).toMatchObject({ state: 'not judged', ok: true })
  expect(judge(drill({ has: 'data' }), loki)[0]).toMatchObject({ state: 'not judged', ok: false })
})

it('an expectation of a panel that no dashboard has is told', () => {
  const dashboards = [{ uid: 'small', title: 'Small', panels: [{ title: 'Latency', targets: [{ refId: 'A' }] }] }]
  const { panels } = drill({ panel: 'Lat*' }, { panel: 'Errors' }, { refId: 'B' }).expect
  const unmatched = unmatchedExpectations(panels, dashboards as never)
  expect(unmatched.map(({ panel, refId }) => [panel, refId])).toEqual([
    ['Errors', undefined],
    ['Latency', 'B'],
  ])
})
