import { describe, expect, it } from 'vitest'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import type { DrillResult, PanelResult } from '../../simulator/drill/drill-result.ts'
import { coverageOfPanels, coverageOfRules, type RuleCoverage } from '../../simulator/report/coverage.ts'
import {
  type Coverage,
  coverageHtml,
  coverageLines,
  coverageShares,
  isBelow,
  movesText,
  summaryText,
} from '../../simulator/report/coverage-summary.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'

const target = (refId: string) => ({ refId })
const dashboards = [
  {
    uid: 'small',
    title: 'Small',
    panels: [
      { title: 'Latency', targets: [target('A'), target('B')] },
      { title: 'Logs', targets: [target('A')] },
      { title: 'Text', targets: [] },
    ],
  },
] as unknown as readonly Dashboard[]

function drill(scenario: string, ...panels: Partial<PanelResult>[]): DrillResult {
  const results = panels.map((one) => ({
    dashboard: 'small',
    panel: 'Latency',
    refId: 'A',
    state: 'data',
    ok: true,
    moves: null,
    ...one,
  }))
  return { scenario, panels: results } as unknown as DrillResult
}

const logs = { panel: 'Logs', state: 'not judged', detail: 'its data source is loki, which has no judge here' } as const

describe('a panel', () => {
  it('is proven when each query has data in some drill and one of them moves', () => {
    const [latency] = coverageOfPanels(dashboards, [
      drill('steady-state', { refId: 'A' }, { refId: 'B', state: 'empty' }),
      drill('outage', { refId: 'A', moves: 'no' }, { refId: 'B', moves: 'up' }),
    ])
    expect(latency).toMatchObject({ hasData: true, moves: true, proven: true, missing: [] })
    expect(latency!.movesIn).toEqual([{ scenario: 'outage', refId: 'B', moves: 'up' }])
  })

  it('is not when one of its queries never has data, or none moves', () => {
    const [latency] = coverageOfPanels(dashboards, [drill('outage', { moves: 'no' }, { refId: 'B', state: 'empty' })])
    expect(latency!.missing).toEqual(['query B has no data in any drill', 'moves in no drill'])
  })

  it('is not when a drill says that it is wrong', () => {
    const failing = drill('outage', { moves: 'up', ok: false, detail: 'no data' }, { refId: 'B' })
    expect(coverageOfPanels(dashboards, [failing])[0]).toMatchObject({
      proven: false,
      missing: ['outage: query A: no data'],
    })
  })

  it('without a judge counts neither for nor against', () => {
    const panels = coverageOfPanels(dashboards, [drill('outage', { moves: 'up' }, { refId: 'B' }, logs)])
    expect(panels.map(({ panel }) => panel)).toEqual(['Latency', 'Logs'])
    expect(panels[1]).toMatchObject({ judged: false, proven: false })
    expect(coverageShares({ rules: [], panels })).toEqual({
      rules: { proven: 0, of: 0, percent: null },
      panels: { proven: 1, of: 1, percent: 100 },
      rulesInLong: 0,
      panelsStill: 0,
      panelsNotJudged: 1,
    })
  })

  it('may stay still when that is stated, with its reason', () => {
    const still = [{ dashboard: 'small', panel: 'Latency', reason: 'nobody is ever lost' }]
    const panels = coverageOfPanels(dashboards, [drill('outage', { moves: 'no' }, { refId: 'B', moves: 'no' })], still)
    expect(panels[0]).toMatchObject({ hasData: true, moves: false, still: 'nobody is ever lost', proven: true })
    expect(coverageShares({ rules: [], panels })).toMatchObject({ panels: { percent: 100 }, panelsStill: 1 })
    expect(movesText(panels[0]!)).toBe('still, as stated: nobody is ever lost')
  })

  it('needs data also where it is to stay still', () => {
    const still = [{ dashboard: 'Small', panel: 'Latency', reason: 'nobody is ever lost' }]
    const [latency] = coverageOfPanels(dashboards, [drill('outage', { state: 'empty' })], still)
    expect(latency!.missing).toEqual(['query A has no data in any drill'])
  })

  it('that moves although it is stated to stay still is not proven: the statement is out of date', () => {
    const still = [{ dashboard: 'small', panel: 'Latency', reason: 'nobody is ever lost' }]
    const [latency] = coverageOfPanels(dashboards, [drill('outage', { moves: 'up' })], still)
    expect(latency!.still).toBeUndefined()
    expect(latency!.missing).toEqual([
      'firedrill.yaml states that it stays still (nobody is ever lost), but it moves up in outage',
    ])
  })
})

describe('a rule that only long drills prove', () => {
  const expects = (scenario: string, alertname: string) =>
    ({ scenario, expect: { alerts: { [alertname]: { kind: 'fires' } } } }) as unknown as Drill
  const result = (scenario: string, alertname: string) =>
    ({
      scenario,
      alerts: [{ alertname, expected: 'fires', ok: true, text: 'complete', resolvedWindow: [0, 1] }],
      panels: [],
    }) as unknown as DrillResult

  it('counts neither for nor against, and says which drills they are', () => {
    const rules = coverageOfRules(['Slow'], [], [expects('slow-burn', 'Slow'), expects('slow-burn', 'Other')])
    expect(rules[0]).toMatchObject({ proven: false, inLong: ['slow-burn'] })
    const shares = coverageShares({ rules, panels: [] })
    expect(shares).toMatchObject({ rules: { proven: 0, of: 0, percent: null }, rulesInLong: 1 })
    expect(summaryText(shares)).toBe(
      'no rules proven, 1 more only in long drills (--long runs them), no panels have data and move',
    )
  })

  it('is judged like any other when a drill that ran expects it to fire', () => {
    const rules = coverageOfRules(['Slow'], [result('short', 'Slow')], [expects('slow-burn', 'Slow')])
    expect(rules[0]!.inLong).toBeUndefined()
    expect(rules[0]!.missing).toEqual(['no near miss', 'no drill without the fault'])
  })

  it('is missing when no long drill expects it to fire either', () => {
    const rules = coverageOfRules(['Slow'], [], [expects('slow-burn', 'Other')])
    expect(rules[0]!.missing).toEqual(['no drill of this run expects it to fire'])
    expect(coverageShares({ rules, panels: [] }).rules).toEqual({ proven: 0, of: 1, percent: 0 })
  })
})

describe('coverage as a whole', () => {
  const rule = (alertname: string, proven: boolean): RuleCoverage => ({
    alertname,
    fires: true,
    nearMissSilent: proven,
    recovers: true,
    textComplete: true,
    silentWithoutFault: true,
    proven,
    missing: proven ? [] : ['no near miss'],
    scenarios: ['outage'],
  })
  const panels = coverageOfPanels(dashboards, [drill('outage', { moves: 'up' }, { refId: 'B' }, logs)])
  const coverage: Coverage = { rules: [rule('A', true), rule('B', true), rule('<C>', false)], panels }
  const plain = (text: string) => text
  const paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain }

  it('is a table for rules and one for panels', () => {
    expect(coverageLines(coverage, paint)).toEqual([
      'rule  fires  near miss silent  no fault silent  recovers  text',
      'A     ✓      ✓                 ✓                ✓         ✓   ',
      'B     ✓      ✓                 ✓                ✓         ✓   ',
      '<C>   ✓      ✗                 ✓                ✓         ✓     no near miss',
      '',
      'panel            data  moves',
      'small / Latency  ✓     ✓      up in outage',
      'small / Logs     -     -      not judged: its data source is loki, which has no judge here',
      '',
      '2 of 3 rules proven (66.6 %), 1 of 1 panels have data and move (100 %), 1 more not judged',
    ])
  })

  it('is below a threshold when rules or panels are, and never rounds up to it', () => {
    const shares = coverageShares(coverage)
    expect(isBelow(shares, 66.6)).toBe(false)
    expect(isBelow(shares, 66.7)).toBe(true)
    expect(isBelow(coverageShares({ rules: [], panels: [] }), 100)).toBe(false)
  })

  it('is a page of HTML that needs nothing from elsewhere and trusts no name', () => {
    const page = coverageHtml(coverage, '1.0.0')
    expect(page).toContain('&lt;C&gt;')
    expect(page).not.toMatch(/<C>|<script|https?:|src=/)
  })
})
