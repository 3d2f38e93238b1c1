/** The page of a scorecard: everything that it says, escaped, in one file. */
import { expect, test } from 'vitest'
import { scorePage } from '../../simulator/report/html/score-page.ts'
import { mutationStrength, type Scorecard, type Survivor } from '../../simulator/score/scorecard.ts'

const survivor: Survivor = {
  rule: 'Slow',
  place: 'rules.yml:4',
  kind: 'threshold',
  mutant: 'threshold 1 -> 2 in a < 1',
  expression: 'a < 2',
  wouldCatch: 'a drill between 1 and 2',
  listed: null,
}
const count = { all: 5, noticed: 2, equivalent: 1, hidden: 1 }
const card: Scorecard = {
  rules: [
    {
      rule: 'Slow',
      detections: [{ drill: 'slow', severity: null, after: [60, 90] }],
      expected: 1,
      missed: [],
      falseAlarms: [],
      flapping: [],
      mutants: count,
    },
  ],
  quietSeconds: 3600,
  mutants: count,
  survivors: [
    survivor,
    { ...survivor, mutant: 'for 1m removed', listed: { kind: 'equivalent', reason: 'it <b>never</b> waits' } },
    { ...survivor, mutant: 'aggregation sum -> max', listed: { kind: 'hidden', reason: 'needs two instances' } },
  ],
  contradicted: [],
  notDrilled: ['Other'],
}

test('a scorecard says how many mutants are noticed, and lists those that are not', () => {
  const page = scorePage({ card, mutants: true, failing: [], version: '0.1.0' })
  expect(page).toContain('50.0 % of the mutants noticed')
  expect(page).toContain('2 of 5 (40.0 %) noticed; without 1 equivalent one 2 of 4 (50.0 %)')
  expect(page).toContain('threshold 1 -&gt; 2 in a &lt; 1')
  expect(page).toContain('a drill between 1 and 2')
  expect(page).toContain('No drill expects these to fire: Other.')
})

test('only mutants that do what the rule does are left out: what the platform can not show counts as not noticed', () => {
  expect(mutationStrength({ all: 20, noticed: 17, equivalent: 1, hidden: 2 })).toBeCloseTo(17 / 19)
  expect(mutationStrength({ all: 1, noticed: 0, equivalent: 1, hidden: 0 })).toBe(1)
  const page = scorePage({ card, mutants: true, failing: [], version: '0.1.0' })
  expect(page).toContain('1 of the rest only another platform could show')
  expect(page).toContain('needs two instances')
})

test('texts of rules and lists can not become markup, and nothing is fetched', () => {
  const page = scorePage({ card, mutants: true, failing: [], version: '0.1.0' })
  expect(page).toContain('it &lt;b&gt;never&lt;/b&gt; waits')
  expect(page).not.toMatch(/(src|href)="https?:/)
})

test('without mutants the page is about times, misses and false alarms', () => {
  const page = scorePage({ card: { ...card, survivors: [] }, mutants: false, failing: [], version: '0.1.0' })
  expect(page).not.toContain('mutants noticed<')
  expect(page).toContain('1m to 1m30s')
})
