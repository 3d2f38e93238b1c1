/** A panel that looks the same whatever breaks: nobody will see anything in it. */
import type { FindingDefinition } from './finding.ts'
import { panelHistories, scenariosMin } from './panel-history.ts'
import { valuesShown } from './panel-one-value.ts'

export const panelNeverMoves: FindingDefinition = {
  code: 'panel-never-moves',
  severity: 'info',
  title: 'a panel that no fault moves',
  *inRun({ results }) {
    for (const history of panelHistories(results)) {
      const { where, name, seen, scenarios } = history
      const judged = seen.filter(({ panel }) => panel.moves !== null)
      if (scenarios < scenariosMin || judged.length === 0) continue
      if (judged.some(({ panel }) => panel.moves !== 'no') || valuesShown(history).size < 2) continue
      const most = judged
        .map(({ scenario, panel }) => ({ scenario, ...panel, change: changeOf(panel.before, panel.during) }))
        .sort((a, b) => b.change - a.change)[0]!
      yield {
        where,
        message: `${name} does not move in any drill`,
        evidence: `${judged.length} drills of ${scenarios} scenarios; the most is ${format(most.before)} before and ${format(most.during)} during the fault of ${most.scenario}`,
      }
    }
  },
}

function changeOf(before: number | null, during: number | null): number {
  if (before === null || during === null || before === during) return 0
  return Math.abs(during - before) / Math.max(Math.abs(before), 1e-9)
}

function format(value: number | null): string {
  return value === null ? 'nothing' : String(Number(value.toPrecision(3)))
}
