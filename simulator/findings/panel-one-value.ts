/** A panel that shows one and the same value in every drill: mostly a query that can give nothing else. */
import type { FindingDefinition } from './finding.ts'
import { type PanelHistory, panelHistories, scenariosMin } from './panel-history.ts'

export const panelOneValue: FindingDefinition = {
  code: 'panel-one-value',
  severity: 'warning',
  title: 'a panel that can only show one value',
  *inRun({ results }) {
    for (const history of panelHistories(results)) {
      const { where, name, seen, scenarios } = history
      const values = valuesShown(history)
      if (scenarios < scenariosMin || values.size !== 1) continue
      if (seen.some(({ panel }) => panel.moves === 'up' || panel.moves === 'down')) continue
      const [value] = values
      yield {
        where,
        message: `${name} shows ${value} whatever happens`,
        evidence: `${value} before and during the faults of ${scenarios} scenarios (${seen.length} drills, ${Math.max(...seen.map(({ panel }) => panel.series))} series at most)`,
      }
    }
  },
}

export function valuesShown({ seen }: PanelHistory): Set<number> {
  return new Set(seen.flatMap(({ panel }) => [panel.before, panel.during].filter((value) => value !== null)))
}
