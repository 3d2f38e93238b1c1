/** A panel that shows "No data" whatever happens, or whose query fails. */
import { countOf } from '../count-text.ts'
import { neverAnyData } from '../expectations/panel.ts'
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
      const isNever = failing?.panel.detail.startsWith(neverAnyData) === true
      const drills = countOf(seen.length, 'drill')
      yield {
        where,
        message: isNever
          ? `${name} can never show data`
          : failing
            ? `the query of ${name} fails`
            : `${name} has no data`,
        evidence: `0 series in ${drills}${failing ? `: ${failing.panel.detail.replace(`${neverAnyData}: `, '')}` : ''}`,
        severity: failing ? 'error' : 'warning',
      }
    }
  },
}
