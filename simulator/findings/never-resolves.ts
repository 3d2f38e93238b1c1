/** An alert that goes on long after its cause is mended: somebody has to silence it, every time. */
import { formatClock, formatDuration } from '../expectations/clock-text.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'

/** What a system needs to recover by itself once the cause is gone. */
const recoveryS = 300

export const neverResolves: FindingDefinition = {
  code: 'never-resolves',
  severity: 'warning',
  title: 'an alert that does not resolve after its cause has ended',
  *inRun({ groups, results }) {
    for (const { rule, group } of alertingRulesOf(groups)) {
      const seen: { scenario: string; since: number; endS: number; endsAt: number }[] = []
      let resolves = false
      for (const { scenario, alerts, events, virtualSeconds } of results) {
        const endS = Math.max(...events.map((event) => event.endS ?? Number.POSITIVE_INFINITY))
        const patienceS = recoveryS + (rule.facts.lookbackMs + rule.keepFiringForMs + 2 * group.intervalMs) / 1000
        for (const alert of alerts) {
          if (alert.alertname !== rule.name || alert.firingAt === null) continue
          if (alert.resolvedAt !== null) resolves = true
          const causedHere = events.some(({ startS }) => startS <= alert.firingAt![0])
          // Who fires late, for what the fault left behind (an empty cache), has as long to come to rest.
          const sinceS = Math.max(endS, alert.firingAt[1])
          if (alert.resolvedAt !== null || !causedHere || !(virtualSeconds - sinceS >= patienceS)) continue
          seen.push({ scenario, since: alert.firingAt[1], endS, endsAt: virtualSeconds })
        }
      }
      const worst = seen.sort((a, b) => b.endsAt - b.endS - (a.endsAt - a.endS))[0]
      if (resolves || !worst) continue
      yield {
        where: rule.place,
        message: `${rule.name} does not resolve after its cause has ended`,
        evidence: `in ${worst.scenario} it fires from ${formatClock(worst.since)}; the last fault ends ${formatClock(worst.endS)}, and ${formatDuration((worst.endsAt - worst.endS) * 1000)} later it still fires (it looks back ${formatDuration(rule.facts.lookbackMs)})`,
      }
    }
  },
}
