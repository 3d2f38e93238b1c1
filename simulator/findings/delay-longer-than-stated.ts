/** `for: 5m` in a group that is evaluated every 5 minutes waits up to 10: the first look sees it late, the second is far away. */
import { formatDuration } from '../expectations/clock-text.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'

export const delayLongerThanStated: FindingDefinition = {
  code: 'delay-longer-than-stated',
  severity: 'warning',
  title: 'an alert takes much longer than its `for` says',
  *inFiles({ groups }) {
    for (const { rule, group } of alertingRulesOf(groups)) {
      const { forMs, name, place } = rule
      const { intervalMs } = group
      if (forMs === 0) continue
      const waits = Math.ceil(forMs / intervalMs) * intervalMs
      const longestMs = intervalMs + waits
      // Up to half as much again is how evaluation works, and nobody is surprised.
      if (longestMs < 2 * forMs) continue
      yield {
        where: place,
        message: `${name} fires up to ${formatDuration(longestMs)} after its condition became true, not after ${formatDuration(forMs)}`,
        evidence: `group ${group.name} is evaluated every ${formatDuration(intervalMs)}: up to ${formatDuration(intervalMs)} until it is pending, then ${formatDuration(waits)} until an evaluation finds "for ${formatDuration(forMs)}" over`,
      }
    }
  },
  /** The same, seen: the alert fired that late after its fault in a drill. */
  *inRun({ groups, results }) {
    for (const { rule, group } of alertingRulesOf(groups)) {
      if (rule.forMs === 0 || group.intervalMs + rule.forMs < 2 * rule.forMs) continue
      const delays = results.flatMap(({ scenario, alerts, events }) =>
        alerts
          .filter(({ alertname, pendingAt, firingAt }) => alertname === rule.name && pendingAt && firingAt)
          .map(({ firingAt }) => {
            const onset = Math.max(...events.map(({ startS }) => startS).filter((startS) => startS <= firingAt![0]))
            return { scenario, seconds: firingAt![1] - onset }
          })
          .filter(({ seconds }) => Number.isFinite(seconds) && seconds * 1000 >= 2 * rule.forMs),
      )
      const worst = delays.sort((a, b) => b.seconds - a.seconds)[0]
      if (!worst) continue
      yield {
        where: rule.place,
        message: `${rule.name} fires up to ${formatDuration(group.intervalMs + Math.ceil(rule.forMs / group.intervalMs) * group.intervalMs)} after its condition became true, not after ${formatDuration(rule.forMs)}`,
        evidence: `in ${worst.scenario} it fires up to ${formatDuration(worst.seconds * 1000)} after the fault`,
      }
    }
  },
}
