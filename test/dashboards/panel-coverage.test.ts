import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { panelCoveragePage, panelProofs, stillPanels } from '../../tools/panel-coverage.ts'

const proofs = panelProofs('.')
const still = stillPanels('.')

describe('a shipped panel', () => {
  it.each(proofs)('$panel has data in the steady state', ({ dataIn }) => {
    expect(dataIn).toContain('steady-state')
  })

  it.each(proofs)('$panel moves in a scenario, or firedrill.yaml states why it stays still', ({ panel, moves }) => {
    // Both would contradict each other.
    expect(moves.length > 0).toBe(still[panel] === undefined)
  })
})

it('docs/panel-coverage.md is what the scenarios say (npm run panel-coverage)', () => {
  expect(readFileSync('docs/panel-coverage.md', 'utf8')).toBe(panelCoveragePage(proofs, still))
})

it('no reason is given for a panel that does not exist', () => {
  const panels = proofs.map(({ panel }) => panel)
  expect(Object.keys(still).filter((panel) => !panels.includes(panel))).toEqual([])
})
