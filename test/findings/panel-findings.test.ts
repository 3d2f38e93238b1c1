/** Findings about panels, from what panels showed over several drills. */
import { expect, test } from 'vitest'
import type { DrillResult, PanelResult } from '../../simulator/drill/drill-result.ts'
import type { RunSubject } from '../../simulator/findings/finding.ts'
import { panelNeverMoves } from '../../simulator/findings/panel-never-moves.ts'
import { panelNoData } from '../../simulator/findings/panel-no-data.ts'
import { panelOneValue } from '../../simulator/findings/panel-one-value.ts'

type Shown = Pick<PanelResult, 'state' | 'moves' | 'before' | 'during'>

/** One panel in as many scenarios as there are entries. */
function subject(shown: readonly Shown[]): RunSubject {
  const results = shown.map((panel, i) => ({
    scenario: `scenario-${i}`,
    events: [{ id: 'fault' }],
    panels: [{ dashboard: 'api', panel: 'Requests', refId: 'A', series: 1, points: 9, detail: '', ok: true, ...panel }],
  })) as unknown as DrillResult[]
  return { results } as unknown as RunSubject
}

const data = (before: number, during: number, moves: PanelResult['moves'] = 'no'): Shown => ({
  state: 'data',
  moves,
  before,
  during,
})
const empty: Shown = { state: 'empty', moves: null, before: null, during: null }

test('a panel that is empty in every drill has no data; one drill with data is enough', () => {
  const [noticed] = panelNoData.inRun!(subject([empty, empty]))
  expect(noticed).toMatchObject({ where: 'dashboard api', evidence: '0 series in 2 drills' })
  expect([...panelNoData.inRun!(subject([empty, data(1, 1)]))]).toEqual([])
})

test('a panel with one number in five scenarios shows one value; another number, a move, or too few scenarios do not', () => {
  const same = Array.from({ length: 5 }, () => data(1, 1))
  expect([...panelOneValue.inRun!(subject(same))]).toHaveLength(1)
  expect([...panelOneValue.inRun!(subject([...same, data(1, 2, 'up')]))]).toEqual([])
  expect([...panelOneValue.inRun!(subject(same.slice(1)))]).toEqual([])
})

test('a panel that never moves is told with its largest change; one that shows one value is not told twice', () => {
  const calm = [data(10, 10.5), data(10, 11), data(10, 10), data(11, 11), data(10, 10)]
  const [noticed] = panelNeverMoves.inRun!(subject(calm))
  expect(noticed!.evidence).toContain('the most is 10 before and 11 during the fault of scenario-1')
  expect([...panelNeverMoves.inRun!(subject([...calm, data(10, 20, 'up')]))]).toEqual([])
  expect([...panelNeverMoves.inRun!(subject(Array.from({ length: 5 }, () => data(1, 1))))]).toEqual([])
})
