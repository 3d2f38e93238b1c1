/** A panel that shows "No data" whatever happens, or whose query fails. */
import { countOf } from '../count-text.ts'
import type { FindingDefinition } from './finding.ts'
import { panelHistories } from './panel-history.ts'

export const panelNoData: FindingDefinition = {
  code: 'panel-no-data',
  severity: 'warning',
  title: 'a panel without data in every drill',
  *inRun({ results }) {
    for (const { where, name, seen } of panelHistories(results)) {
      if (seen.some(({ panel }) => panel.state === 'data')) continue
      const failing = seen.find(({ panel }) => panel.state === 'error')
      const drills = countOf(seen.length, 'drill')
      yield {
        where,
        message: failing ? `the query of ${name} fails` : `${name} has no data`,
        evidence: `0 series in ${drills}${failing ? `: ${failing.panel.detail}` : ''}`,
        severity: failing ? 'error' : 'warning',
      }
    }
  },
}
