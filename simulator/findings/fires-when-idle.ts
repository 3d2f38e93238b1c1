/** An alert that fires when nobody uses the platform: 0 requests are taken for a bad rate, 0 / 0 for a number. */
import type { DrillResult } from '../drill/drill-result.ts'
import { formatClock } from '../expectations/clock-text.ts'
import { idleFromMs, isIdle } from './deep-drills.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'
import { firingTimes, isFiring } from './firing.ts'
import { isAlwaysFiring } from './watchdog.ts'

export const firesWhenIdle: FindingDefinition = {
  code: 'fires-when-idle',
  severity: 'warning',
  title: 'an alert that fires when there is no traffic',
  *inRun({ groups, results }) {
    const idle = results.filter(({ scenario }) => isIdle(scenario))
    const busy = results.filter(({ scenario, events }) => !isIdle(scenario) && events.length === 0)
    for (const { rule } of alertingRulesOf(groups)) {
      // What fires on a busy day as well is no question of traffic.
      if (isAlwaysFiring(rule) || busy.some(({ alerts }) => alertOf(alerts, rule.name).some(isFiring))) continue
      for (const { alerts, virtualSeconds } of idle) {
        const alert = alertOf(alerts, rule.name).find((one) => firingTimes(one).some((atS) => atS * 1000 > idleFromMs))
        if (!alert) continue
        const fromS = Math.min(...firingTimes(alert).filter((atS) => atS * 1000 > idleFromMs))
        const { annotations } = alert.instances[0]!
        const text = annotations.description ?? annotations.summary
        const silence = Math.round((virtualSeconds - idleFromMs / 1000) / 60)
        yield {
          where: rule.place,
          message: `${rule.name} fires when there is no traffic`,
          evidence: `no request from ${formatClock(idleFromMs / 1000)} on, for ${silence} minutes: it fires from ${formatClock(fromS)}${text ? `, "${text}"` : ''}`,
        }
      }
    }
  },
}

function alertOf(alerts: DrillResult['alerts'], name: string): DrillResult['alerts'] {
  return alerts.filter(({ alertname }) => alertname === name)
}
