/** An alert that fires in a drill without any fault: a false alarm, unless it is meant to fire always, as a Watchdog is. */
import { countOf } from '../count-text.ts'
import type { AlertResult, DrillResult } from '../drill/drill-result.ts'
import { formatClock } from '../expectations/clock-text.ts'
import { isIdle } from './deep-drills.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'
import { firingTimes, isFiring } from './firing.ts'
import { aboutSimulated } from './unsimulated.ts'
import { isAlwaysFiring } from './watchdog.ts'

export const firesWithoutFault: FindingDefinition = {
  code: 'fires-without-fault',
  severity: 'warning',
  title: 'an alert that fires while nothing is wrong',
  *inRun({ groups, results, survey }) {
    const quiet = results.filter(
      ({ scenario, events, alerts }) => events.length === 0 && !isIdle(scenario) && alerts.length > 0,
    )
    for (const { rule } of alertingRulesOf(groups)) {
      if (isAlwaysFiring(rule)) continue
      const alertIn = ({ alerts }: DrillResult) => {
        const alert = alerts.find(({ alertname }) => alertname === rule.name)
        return alert && aboutSimulated(alert, rule, survey)
      }
      const loud = quiet.filter((result) => fires(alertIn(result)))
      const early = results.filter((result) => result.events.length > 0 && firesBefore(alertIn(result), result))
      if (loud.length === 0 && early.length === 0) continue
      const example = loud[0] ?? early[0]!
      const alert = alertIn(example)!
      const seeds = new Set(loud.map(({ seed }) => seed)).size
      const parts = [
        ...(loud.length > 0
          ? [
              `in ${loud.length} of ${countOf(quiet.length, 'drill')} without a fault${seeds > 1 ? ` (${seeds} seeds)` : ''}`,
            ]
          : []),
        ...(early.length > 0 ? [`before the first fault in ${countOf(early.length, 'drill')}`] : []),
      ]
      const instance = alert.instances.find(({ episodes }) => episodes.some(({ firingAt }) => firingAt !== null))
      const summary = instance?.annotations.summary ?? instance?.annotations.description
      yield {
        where: rule.place,
        message: `${rule.name} fires while nothing is wrong`,
        evidence: `${parts.join(', ')}; ${example.scenario} seed ${example.seed}: from ${formatClock(Math.min(...firingTimes(alert)))}${summary ? `, "${summary}"` : ''}`,
      }
    }
  },
}

function fires(alert: AlertResult | undefined): boolean {
  return alert !== undefined && isFiring(alert)
}

function firesBefore(alert: AlertResult | undefined, { events }: DrillResult): boolean {
  const firstFaultS = Math.min(...events.map(({ startS }) => startS))
  return alert !== undefined && firingTimes(alert).some((atS) => atS < firstFaultS)
}
