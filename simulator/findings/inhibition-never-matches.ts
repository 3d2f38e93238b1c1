/** An inhibition that silences nothing: no source, no target, or labels in `equal` that the two sides never share. */
import type { Inhibition } from '../alertmanager/alertmanager-config.ts'
import { type AlertLabels, alertLabelsOf, canMatch } from './alert-labels.ts'
import type { FindingDefinition } from './finding.ts'

export const inhibitionNeverMatches: FindingDefinition = {
  code: 'inhibition-never-matches',
  severity: 'warning',
  title: 'an inhibition that silences nothing',
  *inFiles({ alertmanager, groups, config }) {
    if (!alertmanager) return
    const alerts = alertLabelsOf(groups, config.externalLabels)
    if (alerts.length === 0) return
    for (const inhibition of alertmanager.inhibitions) {
      const reason = whyNever(inhibition, alerts)
      if (reason === undefined) continue
      yield { where: inhibition.place, message: 'this inhibition never silences anything', evidence: reason }
    }
  },
}

function whyNever({ source, target, equal }: Inhibition, alerts: readonly AlertLabels[]): string | undefined {
  const sources = alerts.filter((alert) => canMatch(alert, source) !== false)
  const targets = alerts.filter((alert) => canMatch(alert, target) !== false)
  if (sources.length === 0) return `0 of ${alerts.length} alerts match the source`
  if (targets.length === 0) return `0 of ${alerts.length} alerts match the target`
  const differing = new Set<string>()
  const asked = [...source.map(({ name }) => name), ...target.map(({ name }) => name), ...equal]
  // Thousands of rules have few different labels, and pairs of rules are the square of them.
  for (const one of unlikeEachOther(sources, asked)) {
    for (const other of unlikeEachOther(targets, asked)) {
      // Two alerts that are each on both sides would silence each other; Alertmanager leaves them both.
      if (canMatch(other, source) === true && canMatch(one, target) === true) continue
      const unlike = equal.filter((label) => !canBeEqual(one.valueOf(label), other.valueOf(label)))
      if (unlike.length === 0) return undefined
      for (const label of unlike)
        differing.add(
          `${label} is ${show(one.valueOf(label))} on ${one.rule.name} and ${show(other.valueOf(label))} on ${other.rule.name}`,
        )
    }
  }
  const pairs = `${sources.length} possible sources, ${targets.length} possible targets`
  if (differing.size === 0) return `${pairs}, but each of them is on both sides`
  return `${pairs}, and no pair agrees on equal: ${[...differing].slice(0, 2).join('; ')}`
}

/** One alert for each combination of values that these labels have. */
function unlikeEachOther(alerts: readonly AlertLabels[], labels: readonly string[]): AlertLabels[] {
  const first = new Map<string, AlertLabels>()
  for (const alert of alerts) {
    const key = JSON.stringify(labels.map((label) => alert.valueOf(label) ?? null))
    if (!first.has(key)) first.set(key, alert)
  }
  return [...first.values()]
}

function canBeEqual(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b
}

function show(value: string | undefined): string {
  return value === undefined ? 'unknown' : value === '' ? 'absent' : `"${value}"`
}
