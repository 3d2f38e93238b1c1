/** Two rules that always fire together: one cause, two pages. */
import type { Rule } from '../alerts/load-rules.ts'
import type { AlertResult } from '../drill/drill-result.ts'
import { formatDuration, formatInterval } from '../expectations/clock-text.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'

export const duplicateCoverage: FindingDefinition = {
  code: 'duplicate-coverage',
  severity: 'warning',
  title: 'two rules that always fire together',
  *inFiles({ groups }) {
    const first = new Map<string, Rule>()
    for (const { rule } of alertingRulesOf(groups)) {
      const test = `${rule.forMs} ${rule.facts.canonical}`
      const twin = first.get(test)
      if (!twin) first.set(test, rule)
      // The same alert at two severities has the same name; two names for one test are two pages.
      if (!twin || twin.name === rule.name) continue
      yield {
        where: rule.place,
        message: `${rule.name} tests the same as ${twin.name} (${twin.place})`,
        evidence: `both are ${rule.facts.canonical} for ${formatDuration(rule.forMs)}`,
      }
    }
  },
  *inRun({ groups, results }) {
    const rules = alertingRulesOf(groups)
    const names = [...new Set(rules.map(({ rule }) => rule.name))]
    const slackS = Math.max(60, ...groups.map(({ intervalMs }) => intervalMs / 1000))
    const firings = new Map(names.map((name) => [name, firingsOf(name, results)]))
    for (const [i, name] of names.entries()) {
      const mine = firings.get(name)!
      if (mine.size < 2) continue
      for (const other of names.slice(0, i)) {
        const theirs = firings.get(other)!
        // In every drill, and not by chance: two drills of different scenarios at least.
        const drills = [...mine.keys()]
        if (theirs.size !== mine.size || new Set(drills.map((drill) => drill.split('/')[0])).size < 2) continue
        if (!drills.every((drill) => isTogether(mine.get(drill)!, theirs.get(drill), slackS))) continue
        const example = drills[0]!
        yield {
          where: rules.find(({ rule }) => rule.name === name)!.rule.place,
          message: `${name} and ${other} always fire together`,
          evidence: `in all ${mine.size} drills in which one fires, for example in ${example}: ${formatInterval(mine.get(example)!.firingAt!)} and ${formatInterval(theirs.get(example)!.firingAt!)}`,
        }
      }
    }
  },
}

function firingsOf(
  name: string,
  results: readonly { readonly scenario: string; readonly alerts: readonly AlertResult[] }[],
): Map<string, AlertResult> {
  return new Map(
    results.flatMap(({ scenario, alerts }) =>
      alerts
        .filter(({ alertname, firingAt }) => alertname === name && firingAt !== null)
        .map((alert) => [scenario, alert]),
    ),
  )
}

function isTogether(a: AlertResult, b: AlertResult | undefined, slackS: number): boolean {
  if (!b) return false
  if (Math.abs(a.firingAt![0] - b.firingAt![0]) > slackS) return false
  if (a.resolvedAt === null || b.resolvedAt === null) return a.resolvedAt === b.resolvedAt
  return Math.abs(a.resolvedAt[1] - b.resolvedAt[1]) <= slackS
}
