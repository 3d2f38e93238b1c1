/** Which rules a run has proven: each fires, its near misses stay silent, it resolves, and its text is complete. */
import type { AlertResult, DrillResult } from '../drill/drill-result.ts'

export interface RuleCoverage {
  readonly alertname: string
  readonly fires: boolean
  readonly nearMissSilent: boolean
  readonly recovers: boolean
  readonly textComplete: boolean
  /** Nothing fires when the fault is left out. */
  readonly silentWithoutFault: boolean
  readonly proven: boolean
  /** What is missing, for people; empty when proven. */
  readonly missing: readonly string[]
  /** Drills in which the alert was expected to fire. */
  readonly scenarios: readonly string[]
}

export function coverageOfRules(alerts: readonly string[], results: readonly DrillResult[]): RuleCoverage[] {
  return alerts.map((alertname) => coverageOf(alertname, results))
}

function coverageOf(alertname: string, results: readonly DrillResult[]): RuleCoverage {
  const seen = results.flatMap(({ scenario, alerts }) =>
    alerts.filter((alert) => alert.alertname === alertname).map((alert) => ({ scenario, alert })),
  )
  const firing = seen.filter(({ alert }) => alert.expected === 'fires')
  const held = firing.filter(({ alert }) => alert.ok)
  const bases = new Set(held.map(({ scenario }) => baseOf(scenario)))
  // A twin of a scenario in which the alert fires, and in which it must not: that is a near miss.
  const quiet = seen.filter(
    ({ scenario, alert }) => scenario.includes('/') && bases.has(baseOf(scenario)) && isQuiet(alert),
  )
  const withoutFault = quiet.filter(({ scenario }) => scenario.endsWith('/no-fault'))
  const nearMisses = quiet.filter(({ scenario }) => !scenario.endsWith('/no-fault'))
  const checks = {
    fires: held.length > 0 && held.length === firing.length,
    nearMissSilent: nearMisses.length > 0 && nearMisses.every(({ alert }) => alert.ok),
    recovers: held.some(({ alert }) => alert.resolvedWindow !== null),
    textComplete: held.some(({ alert }) => alert.text === 'complete'),
    silentWithoutFault: withoutFault.length > 0 && withoutFault.every(({ alert }) => alert.ok),
  }
  const missing = missingOf(checks, firing, nearMisses, withoutFault)
  const scenarios = [...new Set(firing.map(({ scenario }) => scenario))]
  return { alertname, ...checks, proven: missing.length === 0, missing, scenarios }
}

type Seen = readonly { readonly scenario: string; readonly alert: AlertResult }[]

function missingOf(
  checks: Pick<RuleCoverage, 'fires' | 'nearMissSilent' | 'recovers' | 'textComplete' | 'silentWithoutFault'>,
  firing: Seen,
  nearMisses: Seen,
  withoutFault: Seen,
): string[] {
  const failing = firing.find(({ alert }) => !alert.ok)
  if (firing.length === 0) return ['no drill of this run expects it to fire']
  if (failing) return [`${failing.scenario}: ${failing.alert.detail}`]
  const missing: string[] = []
  const loud = nearMisses.find(({ alert }) => !alert.ok)
  if (loud) missing.push(`${loud.scenario}: ${loud.alert.detail}`)
  else if (!checks.nearMissSilent) missing.push('no near miss')
  const always = withoutFault.find(({ alert }) => !alert.ok)
  if (always) missing.push(`${always.scenario}: ${always.alert.detail}`)
  else if (!checks.silentWithoutFault) missing.push('no drill without the fault')
  if (!checks.recovers) missing.push('never seen to resolve')
  if (!checks.textComplete) missing.push('text not checked')
  return missing
}

function isQuiet({ expected }: AlertResult): boolean {
  return expected === 'silent' || expected === 'pending-only'
}

function baseOf(scenario: string): string {
  return scenario.split('/')[0]!
}
