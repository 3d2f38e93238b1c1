/**
 * Which rules a run has proven: each fires, its near misses stay silent, it resolves, and its text is complete. And which
 * panels: each has data, and moves in at least one drill.
 */
import type { Dashboard } from '../dashboards/dashboard.ts'
import { isAbout } from '../dashboards/panel-pattern.ts'
import type { AlertResult, DrillResult, PanelResult } from '../drill/drill-result.ts'
import type { Drill } from '../scenario/scenario.ts'

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
  /** Scenarios that prove it, and that were left out because they take long; there when no other drill makes it fire. */
  readonly inLong?: readonly string[]
}

/** @param leftOut drills that a run of all leaves to a run of its own, because they take long */
export function coverageOfRules(
  alerts: readonly string[],
  results: readonly DrillResult[],
  leftOut: readonly Drill[] = [],
): RuleCoverage[] {
  return alerts.map((alertname) => {
    const rule = coverageOf(alertname, results)
    const long = leftOut.filter((drill) => drill.expect.alerts[alertname]?.kind === 'fires')
    if (rule.scenarios.length > 0 || long.length === 0) return rule
    const inLong = [...new Set(long.map(({ scenario }) => scenario))]
    return { ...rule, missing: [`only in long drills, which did not run: ${inLong.join(', ')}`], inLong }
  })
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

export interface PanelCoverage {
  /** Uid of the dashboard. */
  readonly dashboard: string
  readonly panel: string
  /** Each of its queries shows data in some drill. */
  readonly hasData: boolean
  /** One of its queries moves in some drill. */
  readonly moves: boolean
  /** Why nothing is to move it, as firedrill.yaml states; there only when that is so. */
  readonly still?: string
  /** False: nothing can be said about it; it counts neither as proven nor as failed. */
  readonly judged: boolean
  readonly proven: boolean
  /** What is missing, for people; empty when proven. */
  readonly missing: readonly string[]
  /** Drills in which it moves. */
  readonly movesIn: readonly { readonly scenario: string; readonly refId: string; readonly moves: 'up' | 'down' }[]
}

/** A panel that rightly never moves, such as a share that should stay at 0. */
export interface StillPanel {
  /** Uid or title. */
  readonly dashboard: string
  readonly panel: string
  readonly reason: string
}

/** @returns one for each panel that has queries; panels of text have nothing to prove */
export function coverageOfPanels(
  dashboards: readonly Dashboard[],
  results: readonly DrillResult[],
  still: readonly StillPanel[] = [],
): PanelCoverage[] {
  const seen = results.flatMap(({ scenario, panels }) => panels.map((panel) => ({ scenario, panel })))
  return dashboards.flatMap((dashboard) =>
    dashboard.panels
      .filter(({ targets, notJudged }) => targets.length > 0 || notJudged !== undefined)
      .map((panel) =>
        coverageOfPanel(
          dashboard.uid,
          panel.title,
          seen.filter((one) => one.panel.dashboard === dashboard.uid && one.panel.panel === panel.title),
          still.find((one) => isAbout(one, { dashboard, panel }))?.reason,
        ),
      ),
  )
}

function coverageOfPanel(
  dashboard: string,
  panel: string,
  all: readonly { readonly scenario: string; readonly panel: PanelResult }[],
  still: string | undefined,
): PanelCoverage {
  const seen = all.filter((one) => one.panel.state !== 'not judged')
  const refIds = [...new Set(seen.map((one) => one.panel.refId))]
  const dataless = refIds.filter(
    (refId) => !seen.some((one) => one.panel.refId === refId && one.panel.state === 'data'),
  )
  const movesIn = seen.flatMap(({ scenario, panel: { refId, moves } }) =>
    moves === 'up' || moves === 'down' ? [{ scenario, refId, moves }] : [],
  )
  const failing = seen.find((one) => !one.panel.ok)
  const judged = seen.length > 0
  const hasData = judged && dataless.length === 0
  const moves = movesIn.length > 0
  const missing: string[] = []
  if (!judged) missing.push(`not judged: ${all[0]?.panel.detail ?? 'no drill asked it'}`)
  else if (failing) missing.push(`${failing.scenario}: query ${failing.panel.refId}: ${failing.panel.detail}`)
  else if (!hasData) missing.push(`query ${dataless.join(', ')} has no data in any drill`)
  if (judged && !failing && !moves && still === undefined) missing.push('moves in no drill')
  if (moves && still !== undefined) {
    const { moves: direction, scenario } = movesIn[0]!
    missing.push(`firedrill.yaml states that it stays still (${still}), but it moves ${direction} in ${scenario}`)
  }
  const proven = missing.length === 0
  const isStill = judged && !moves && still !== undefined
  return { dashboard, panel, hasData, moves, ...(isStill && { still }), judged, proven, missing, movesIn }
}
