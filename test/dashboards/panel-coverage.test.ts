import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { panelCoveragePage, panelProofs, unmovedPanels } from '../../tools/panel-coverage.ts'

const proofs = panelProofs('.')

describe('a shipped panel', () => {
  it.each(proofs)('$panel has data in the steady state', ({ dataIn }) => {
    expect(dataIn).toContain('steady-state')
  })

  it.each(proofs)('$panel moves in a scenario, or it is said why it does not', ({ panel, moves }) => {
    // Both would contradict each other.
    expect(moves.length > 0).toBe(unmovedPanels[panel] === undefined)
  })
})

it('docs/panel-coverage.md is what the scenarios say (npm run panel-coverage)', () => {
  expect(readFileSync('docs/panel-coverage.md', 'utf8')).toBe(panelCoveragePage(proofs))
})

it('no reason is given for a panel that does not exist', () => {
  const panels = proofs.map(({ panel }) => panel)
  expect(Object.keys(unmovedPanels).filter((panel) => !panels.includes(panel))).toEqual([])
})
