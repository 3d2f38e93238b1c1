import { describe, expect, it } from 'vitest'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import type { DrillResult, PanelResult } from '../../simulator/drill/drill-result.ts'
import { coverageOfPanels, type RuleCoverage } from '../../simulator/report/coverage.ts'
import {
  type Coverage,
  coverageHtml,
  coverageLines,
  coverageShares,
  isBelow,
} from '../../simulator/report/coverage-summary.ts'

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
      panelsNotJudged: 1,
    })
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
