/** An alert that fires when nobody uses the platform: 0 requests are taken for a bad rate, 0 / 0 for a number. */
import { formatInterval } from '../expectations/clock-text.ts'
import { isIdle } from './deep-drills.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'
import { isAlwaysFiring } from './watchdog.ts'

export const firesWhenIdle: FindingDefinition = {
  code: 'fires-when-idle',
  severity: 'warning',
  title: 'an alert that fires when there is no traffic',
  *inRun({ groups, results }) {
    const idle = results.filter((result) => isIdle(result.scenario) && result.events.length === 0)
    const busy = results.filter((result) => !isIdle(result.scenario) && result.events.length === 0)
    for (const { rule } of alertingRulesOf(groups)) {
      if (isAlwaysFiring(rule)) continue
      const fires = (list: typeof results) =>
        list.flatMap(({ scenario, alerts, virtualSeconds }) =>
          alerts
            .filter(({ alertname, firingAt }) => alertname === rule.name && firingAt !== null)
            .map((alert) => ({ scenario, alert, virtualSeconds })),
        )
      const found = fires(idle)[0]
      // What fires on a busy day as well is no question of traffic.
      if (!found || fires(busy).length > 0) continue
      const { scenario, alert } = found
      const text = alert.instances[0]?.annotations.description ?? alert.instances[0]?.annotations.summary
      yield {
        where: rule.place,
        message: `${rule.name} fires when there is no traffic`,
        evidence: `${scenario}: no request in ${found.virtualSeconds / 60} minutes, firing ${formatInterval(alert.firingAt!)}${text ? `, "${text}"` : ''}`,
      }
    }
  },
}
