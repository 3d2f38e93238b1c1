/** An alert that ends at a receiver without any integration: it fires, and nobody hears of it. */
import { alertLabelsOf } from './alert-labels.ts'
import type { FindingDefinition } from './finding.ts'
import { possibleRoutes } from './receiver-unreachable.ts'
import { isAlwaysFiring } from './watchdog.ts'

export const alertReachesNobody: FindingDefinition = {
  code: 'alert-reaches-nobody',
  severity: 'error',
  title: 'an alert for which no receiver notifies anybody',
  *inFiles({ alertmanager, groups, config }) {
    if (!alertmanager) return
    const silent = new Set(
      alertmanager.receivers.filter(({ integrations }) => integrations.length === 0).map(({ name }) => name),
    )
    for (const alert of alertLabelsOf(groups, config.externalLabels)) {
      const routes = possibleRoutes(alertmanager.root, alert)
      const last = routes.at(-1)
      if (!last || !routes.every(({ receiver }) => silent.has(receiver))) continue
      const { rule } = alert
      const severity = rule.labels.severity ?? ''
      const meant = isAlwaysFiring(rule) || ['none', 'info'].includes(severity)
      yield {
        where: rule.place,
        message: `${rule.name} reaches nobody: it ends at the receiver ${last.receiver}, which has no integration`,
        evidence: `route ${last.place}, labels ${
          Object.entries(rule.labels)
            .map(([name, value]) => `${name}="${value}"`)
            .join(', ') || 'none'
        }; receivers ${[...new Set(routes.map(({ receiver }) => receiver))].join(', ')}`,
        severity: meant ? 'info' : 'error',
      }
    }
  },
}
