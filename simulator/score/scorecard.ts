/** What a suite of drills says about rules, in numbers: how fast, how reliable, how well guarded against mistakes. */
import type { AlertResult, DrillResult, Interval } from '../drill/drill-result.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type EquivalentMutant, keyOf } from './equivalent-mutants.ts'
import type { Mutant, MutationKind } from './mutate-rule.ts'

export interface Scorecard {
  readonly rules: readonly RuleScore[]
  /** Virtual time without any fault, over which false alarms were counted, seconds. */
  readonly quietSeconds: number
  readonly mutants: MutantCount
  readonly survivors: readonly Survivor[]
  /** Listed as not to be noticed, and noticed all the same: the reason given is wrong. */
  readonly contradicted: readonly { readonly rule: string; readonly mutant: string; readonly noticedBy: string }[]
  /** Rules that no drill expects to fire: nothing can be said about them. */
  readonly notDrilled: readonly string[]
}

export interface RuleScore {
  readonly rule: string
  /** Over the drills in which it is expected to fire. */
  readonly detections: readonly Detection[]
  readonly expected: number
  readonly missed: readonly string[]
  /** Drills without any fault in which it fires. */
  readonly falseAlarms: readonly string[]
  /** Drills in which one alert fires, resolves and fires again, though the drill expects one firing. */
  readonly flapping: readonly { readonly drill: string; readonly firings: number }[]
  readonly mutants: MutantCount
}

/** From the start of the cause to the alert, seconds, over the evaluation offsets. */
export interface Detection {
  readonly drill: string
  /** Of the fault at its height; null when it has no degrees. */
  readonly severity: number | null
  /** Null: it does not fire. */
  readonly after: Interval | null
}

export interface MutantCount {
  readonly all: number
  readonly noticed: number
  /** Not noticed, and listed as doing what the rule does. */
  readonly equivalent: number
  /** Not noticed, and listed as nothing that this platform can show: survivors all the same. */
  readonly hidden: number
}

export interface Survivor {
  readonly rule: string
  readonly place: string
  readonly kind: MutationKind
  readonly mutant: string
  readonly expression: string
  readonly wouldCatch: string
  /** The entry on the list of mutants that no drill can notice. */
  readonly listed: { readonly kind: EquivalentMutant['kind']; readonly reason: string } | null
}

export interface ScoreInput {
  readonly alerts: readonly string[]
  readonly drills: readonly Drill[]
  /** In the order of the drills. */
  readonly results: readonly DrillResult[]
  readonly mutants: readonly Mutant[]
  /** Mutant to the drill that noticed it first; absent: nobody did. */
  readonly noticed: ReadonlyMap<Mutant, { readonly drill: string; readonly what: string }>
  readonly equivalent: readonly EquivalentMutant[]
}

export function scorecardOf(input: ScoreInput): Scorecard {
  const { alerts, drills, results, mutants, noticed } = input
  const listed = new Map(
    input.equivalent.map(({ rule, mutant, kind, reason }) => [`${rule} ${mutant}`, { kind, reason }]),
  )
  const drilled = new Set(drills.flatMap(expectedToFire))
  const quiet = drills.filter(({ events }) => events.length === 0)
  const isListed = (mutant: Mutant, kind: EquivalentMutant['kind']) =>
    listed.get(keyOf(mutant))?.kind === kind && !noticed.has(mutant)
  const count = (some: readonly Mutant[]): MutantCount => ({
    all: some.length,
    noticed: some.filter((mutant) => noticed.has(mutant)).length,
    equivalent: some.filter((mutant) => isListed(mutant, 'equivalent')).length,
    hidden: some.filter((mutant) => isListed(mutant, 'hidden')).length,
  })
  return {
    rules: alerts
      .filter((alert) => drilled.has(alert))
      .map((alert) =>
        scoreOf(alert, drills, results, count(mutants.filter(({ original }) => original.name === alert))),
      ),
    quietSeconds: quiet.reduce((sum, { lengthMs }) => sum + lengthMs / 1000, 0),
    mutants: count(mutants),
    survivors: mutants
      .filter((mutant) => !noticed.has(mutant))
      .map((mutant) => ({
        rule: mutant.original.name,
        place: mutant.original.place,
        kind: mutant.kind,
        mutant: mutant.name,
        expression: mutant.rule.expression,
        wouldCatch: whatWouldCatch(mutant),
        listed: listed.get(keyOf(mutant)) ?? null,
      })),
    contradicted: mutants
      .filter((mutant) => listed.has(keyOf(mutant)) && noticed.has(mutant))
      .map((mutant) => ({ rule: mutant.original.name, mutant: mutant.name, noticedBy: noticed.get(mutant)!.drill })),
    notDrilled: alerts.filter((alert) => !drilled.has(alert)),
  }
}

/** Alerts that a drill expects to fire. */
export function expectedToFire({ expect }: Drill): string[] {
  return Object.entries(expect.alerts).flatMap(([name, { kind }]) => (kind === 'fires' ? name : []))
}

/**
 * Share of the mutants that were noticed, 0 to 1. Only those that do what the rule does are left out: what this platform
 * can't show is a mistake that the drills let pass.
 */
export function mutationStrength({ all, noticed, equivalent }: MutantCount): number {
  const possible = all - equivalent
  return possible === 0 ? 1 : noticed / possible
}

function scoreOf(
  rule: string,
  drills: readonly Drill[],
  results: readonly DrillResult[],
  mutants: MutantCount,
): RuleScore {
  const detections: Detection[] = []
  const missed: string[] = []
  const falseAlarms: string[] = []
  const flapping: { drill: string; firings: number }[] = []
  for (const [i, drill] of drills.entries()) {
    const alert = results[i]!.alerts.find(({ alertname }) => alertname === rule)
    if (!alert) continue
    const expected = drill.expect.alerts[rule]
    if (expected?.kind === 'fires') {
      const cause = drill.events.find(({ id }) => id === expected.because)
      const onsetMs = cause?.startMs ?? expected.firingAfter.ms
      const severity = cause && isGraded(cause) ? cause.severity.to : null
      const after =
        alert.firingAt && ([alert.firingAt[0] - onsetMs / 1000, alert.firingAt[1] - onsetMs / 1000] as const)
      detections.push({ drill: drill.name, severity, after })
      if (alert.firingAt === null) missed.push(drill.name)
    }
    if (drill.events.length === 0 && expected?.kind !== 'may' && firingsOf(alert) > 0) falseAlarms.push(drill.name)
    if (firingsOf(alert) > 1) flapping.push({ drill: drill.name, firings: firingsOf(alert) })
  }
  return { rule, detections, expected: detections.length, missed, falseAlarms, flapping, mutants }
}

function isGraded({ severity }: Drill['events'][number]): boolean {
  return severity.to !== 1 || severity.from !== 1
}

/** Most firings of one and the same alert. */
function firingsOf({ instances }: AlertResult): number {
  return Math.max(0, ...instances.map(({ episodes }) => episodes.filter(({ firingAt }) => firingAt !== null).length))
}

/** What to add to the suite so that the mutant is noticed. */
function whatWouldCatch({ kind, name, original }: Mutant): string {
  const { forMs } = original
  switch (kind) {
    case 'threshold': {
      const [from, to] = (/threshold (\S+) -> (\S+)/.exec(name) ?? []).slice(1)
      return `a drill in which the compared value stays between ${from} and ${to}, on the side where the rule says otherwise`
    }
    case 'comparison':
      return 'a drill in which the two sides of this comparison change places'
    case 'for':
      return name.includes('removed')
        ? `a twin whose fault is over before ${forMs / 1000} s have passed, expected pending-only`
        : `a window for "firing" that ends less than ${forMs / 1000} s after the earliest firing`
    case 'window':
      return 'narrower windows for "firing" and "resolved", or a fault that comes and goes within the longer window'
    case 'matcher':
      return 'a drill in which a series that the matcher keeps out meets the condition, expected silent'
    case 'aggregation':
      return name.includes('without label')
        ? 'a drill in which two values of the label behave differently, with "labels" and "text: complete" in its expectation'
        : 'a drill in which several series of one group carry the condition together, but none alone'
  }
}
