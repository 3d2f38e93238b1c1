/**
 * How large the cause must be before a rule fires, found by turning the fault of a scenario: the number in the rule is a
 * claim, this is what it does. The read-out (the left side of the rule's comparison) is only looked at, never set.
 */
import type { Rule } from '../alerts/load-rules.ts'
import type { Interval } from '../drill/drill-result.ts'
import type { Labels } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { findSmallest, type SearchProgress } from './find-smallest.ts'
import { type Knob, knobOf, turn } from './knobs.ts'
import type { Probe, ProbeOutcome } from './probe-drill.ts'
import { type ReadOutSeries, reduceReadOut } from './read-out.ts'
import { type StatedNumber, statedThreshold } from './text-number.ts'

export interface ThresholdTools {
  readonly probe: (drill: Drill, probe: Probe) => Promise<ProbeOutcome>
  /** Probes at a time. */
  readonly parallel: number
  readonly onProgress?: (progress: SearchProgress & { readonly knob: Knob }) => void
}

export interface ThresholdOptions {
  /** `EVENT.PARAMETER`; the fault's own number when left out. */
  readonly knob?: string
  /** Width of the answer, relative to the cause in the scenario; 0.01 when left out. */
  readonly tolerance?: number
}

export interface ThresholdMeasurement {
  readonly rule: string
  readonly scenario: string
  readonly knob: Knob
  /** The weakest cause that fires the rule; null: not even the strongest does. */
  readonly firesFrom: number | null
  /** The strongest cause below it that leaves the rule silent; null: it fires without any. */
  readonly silentAt: number | null
  /** False: somewhere a stronger cause fires less. */
  readonly monotone: boolean
  readonly probes: readonly { readonly value: number; readonly fires: boolean }[]
  /** Left side of the comparison: its median while the rule waited to fire at `firesFrom`; null when there is none. */
  readonly readOut: number | null
  /** The same at `silentAt`: the furthest that it went towards the threshold. */
  readonly readOutSilent: number | null
  /** The number in the expression. */
  readonly threshold: { readonly operator: string; readonly value: number } | null
  /** The number in the texts. */
  readonly stated: StatedNumber | null
  /** When it fires at `firesFrom`, seconds after the cause. */
  readonly firesAfter: Interval | null
}

/** The scenarios that can measure a rule: a fault of theirs makes it fire. First those that are about nothing else. */
export function drillsFor(alertname: string, drills: readonly Drill[]): Drill[] {
  return drills
    .filter(({ twin, expect }) => twin === undefined && expect.alerts[alertname]?.kind === 'fires')
    .filter((drill) => causeOf(alertname, drill) !== undefined)
    .sort((a, b) => alertsOf(a) - alertsOf(b) || a.events.length - b.events.length || (a.name < b.name ? -1 : 1))
}

function alertsOf({ expect }: Drill): number {
  return Object.values(expect.alerts).filter(({ kind }) => kind === 'fires').length
}

/** @returns undefined when the scenario has no number to turn, or no cause of the alert */
export function thresholdKnob(alertname: string, drill: Drill, wanted?: string): Knob | undefined {
  const cause = causeOf(alertname, drill)
  const dot = wanted?.indexOf('.') ?? -1
  const id = wanted === undefined ? cause : dot < 0 ? wanted : wanted.slice(0, dot)
  const event = drill.events.find((one) => one.id === id)
  return event && knobOf(event, drill.lengthMs, dot < 0 ? undefined : wanted!.slice(dot + 1))
}

export async function measureThreshold(
  rule: Rule,
  drill: Drill,
  knob: Knob,
  tools: ThresholdTools,
  { tolerance = 0.01 }: ThresholdOptions = {},
): Promise<ThresholdMeasurement> {
  const expected = drill.expect.alerts[rule.name]
  const labels = expected?.kind === 'fires' ? expected.labels : {}
  const { threshold } = rule.facts
  const probe: Probe = { alertname: rule.name, labels, readOut: threshold?.left }
  const outcomes = new Map<number, ProbeOutcome>()
  const ask = async (value: number) => {
    const outcome = await tools.probe(turn(drill, knob, value), probe)
    outcomes.set(value, outcome)
    return outcome.alert?.firingAt != null
  }
  const found = await findSmallest({
    weak: knob.nothing,
    strong: await strongEnough(knob, ask),
    tolerance,
    step: knob.step,
    parallel: tools.parallel,
    probe: async (value) => (outcomes.has(value) ? outcomes.get(value)!.alert?.firingAt != null : ask(value)),
    onProgress: (progress) => tools.onProgress?.({ ...progress, knob }),
  })
  const firing = found.from === undefined ? undefined : outcomes.get(found.from)
  const silent = found.below === undefined ? undefined : outcomes.get(found.below)
  const startS = drill.events.find(({ id }) => id === knob.event)!.startMs / 1000
  const firingAt = firing?.alert?.firingAt ?? null
  return {
    rule: rule.name,
    scenario: drill.name,
    knob,
    firesFrom: found.from ?? null,
    silentAt: found.below ?? null,
    monotone: found.monotone,
    probes: found.probes.map(({ value, reached }) => ({ value, fires: reached })),
    readOut: firing ? whileWaiting(firing, labels) : null,
    readOutSilent: silent && threshold ? furthest(silent, labels, threshold.operator, startS) : null,
    threshold: threshold ? { operator: threshold.operator, value: threshold.value } : null,
    stated: statedThreshold(Object.values(rule.annotations)) ?? null,
    firesAfter: firingAt && [firingAt[0] - startS, firingAt[1] - startS],
  }
}

/** The scenario's own cause when it fires the rule, else stronger ones up to the most that the fault takes. */
async function strongEnough(knob: Knob, fires: (value: number) => Promise<boolean>): Promise<number> {
  let value = knob.current === knob.nothing ? knob.most : knob.current
  while (!(await fires(value))) {
    const next = knob.nothing + (value - knob.nothing) * 2
    const isPastMost = knob.most >= knob.nothing ? next >= knob.most : next <= knob.most
    if (value === knob.most) return value
    value = isPastMost ? knob.most : next
  }
  return value
}

function causeOf(alertname: string, { expect, events }: Drill): string | undefined {
  const expected = expect.alerts[alertname]
  if (expected?.kind !== 'fires') return undefined
  return expected.because ?? (events.length === 1 ? events[0]!.id : undefined)
}

/** Median between pending and firing: what somebody saw who looked at the time. */
function whileWaiting({ alert, readOut }: ProbeOutcome, labels: Labels): number | null {
  if (!alert?.firingAt || !alert.pendingAt) return null
  const [from, to] = [alert.pendingAt[0], alert.firingAt[1]]
  const values = matching(readOut, labels)
    .flatMap(({ timesS, values: all }) => all.filter((_, i) => timesS[i]! >= from && timesS[i]! <= to))
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b)
  if (values.length === 0) return null
  const middle = values.length >> 1
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2
}

function furthest({ readOut }: ProbeOutcome, labels: Labels, operator: string, fromS: number): number | null {
  const towards = operator.startsWith('<') ? 'min' : 'max'
  return reduceReadOut(matching(readOut, labels), towards, [fromS, Number.POSITIVE_INFINITY]) ?? null
}

/** Series that do not contradict the labels; a label that the read-out lacks says nothing. */
function matching(series: readonly ReadOutSeries[], wanted: Labels): ReadOutSeries[] {
  return series.filter(({ labels }) =>
    Object.entries(wanted).every(([name, value]) => labels[name] === undefined || labels[name] === value),
  )
}
