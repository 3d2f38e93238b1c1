/**
 * Why an alert fired, or why it did not: which part of the expression decided, how close it came to its threshold, and
 * what `for` and the group's interval added. All values are the judge's; here they are only compared and put in words.
 */
import type { Episode, RuleEvaluation } from '../alerts/evaluate.ts'
import type {
  AlertDelay,
  AlertEvidence,
  ChartSeries,
  ExplanationStep,
  OperandEvidence,
} from '../drill/drill-evidence.ts'
import type { AlertResult, Interval } from '../drill/drill-result.ts'
import { formatClock, formatDuration, formatInterval } from '../expectations/clock-text.ts'
import { findFault } from '../faults/index.ts'
import type { Labels } from '../judge/judge.ts'
import type { Drill, DrillEvent } from '../scenario/scenario.ts'
import type { OperandSeries, RecordedOperand, RecordedRule } from './operand-observer.ts'
import type { Condition } from './operands.ts'
import { formatValue } from './units.ts'

export interface AlertQuestion {
  readonly drill: Drill
  readonly evaluation: RuleEvaluation
  readonly result: AlertResult
  readonly recorded: RecordedRule
  /** Why a selector of the rule finds nothing, when the scrape says so. */
  readonly missing: string | undefined
}

export function explainAlert(question: AlertQuestion): AlertEvidence {
  const { evaluation, result, recorded, drill } = question
  const { rule, group } = evaluation
  const story = storyOf(question)
  const { focus, outcome } = story
  const asked = result.expected === 'fires' ? outcome === 'fired' : outcome !== 'fired'
  return {
    alertname: rule.name,
    place: rule.place,
    group: group.name,
    expression: rule.expression,
    intervalS: group.intervalMs / 1000,
    forS: rule.forMs / 1000,
    keepFiringForS: rule.keepFiringForMs / 1000,
    outcome,
    question: `Why did it ${outcome === 'fired' ? 'fire' : 'not fire'}${asked || result.expected === 'may' ? '' : ', against the expectation'}?`,
    answer: answerOf(story),
    steps: stepsOf(story),
    labels: focus?.labels ?? {},
    delay: delayOf(story),
    operands: recorded.operands.map((operand) => operandEvidence(operand, story, drill)),
  }
}

/** One or two lines for the terminal, for an alert that did not do what was expected. */
export function shortReason({ answer, outcome, delay }: AlertEvidence): string[] {
  if (outcome !== 'fired' || !delay) return [answer]
  return [answer, delayText(delay)]
}

/** @returns for example `fault at 08:00; true 3m45s later; up to 55s to an evaluation; 10m of "for"` */
export function delayText({ faultAtS, signalS, intervalS, forS }: AlertDelay): string {
  const wait = intervalS[1] > 0 ? `, seen by an evaluation within ${formatDuration(intervalS[1] * 1000)}` : ''
  const held = forS > 0 ? `, held for ${formatDuration(forS * 1000)}` : ''
  return `fault at ${formatClock(faultAtS)}, condition true ${formatDuration(signalS * 1000)} later${wait}${held}`
}

interface Story extends AlertQuestion {
  readonly outcome: AlertEvidence['outcome']
  readonly focus: Focus | undefined
  readonly decider: RecordedOperand | undefined
  readonly closest: Closest | undefined
  /** When the whole condition was true for the instance, as the grid saw it. */
  readonly trueAt: readonly Interval[]
}

/** The instance that the answer is about. */
interface Focus {
  readonly labels: Labels
  readonly sampleLabels: Labels
  readonly pendingAt: Interval
  readonly firingAt: Interval | null
  readonly resolvedAt: Interval | null
  /** Longest stay outside of inactive, seconds. */
  readonly longestS: number
  /** Offsets at which it fired, of all. */
  readonly fired: number
  /** Offsets at which an evaluation saw it at all. */
  readonly seen: number
  readonly offsets: number
}

function storyOf(question: AlertQuestion): Story {
  const { evaluation, result, recorded, missing } = question
  const focus = focusOf(evaluation, result.labels)
  const labels = focus?.sampleLabels ?? result.labels
  const decider = deciderOf(recorded, labels, focus?.pendingAt[0])
  const closest = decider && closestOf(decider, recorded, labels)
  const outcome = ((): Story['outcome'] => {
    if (evaluation.notJudged !== undefined) return 'not judged'
    if (focus) return focus.firingAt ? 'fired' : 'pending'
    if (evaluation.failures.length > 0 && !evaluation.everTrue) return 'failed'
    return missing !== undefined || (decider && decider.series.length === 0) ? 'no series' : 'never true'
  })()
  const condition = recorded.operands.find(({ id }) => id === '')
  const trueAt = condition ? spansOf(condition, labels, recorded.stepS) : []
  return { ...question, outcome, focus, decider, closest, trueAt }
}

/** Unbroken times at which an operand has a value for the labels. */
function spansOf({ series }: RecordedOperand, labels: Labels, stepS: number): Interval[] {
  const own = series.filter((one) => agree(one.labels, labels))
  const timesS = [...new Set(own.flatMap((one) => one.timesS))].sort((a, b) => a - b)
  const spans: [number, number][] = []
  for (const timeS of timesS) {
    const last = spans.at(-1)
    if (last && timeS - last[1] <= stepS * 1.5) last[1] = timeS
    else spans.push([timeS, timeS])
  }
  return spans
}

function focusOf({ offsets }: RuleEvaluation, wanted: Labels): Focus | undefined {
  const all = offsets.flatMap(({ episodes }) => episodes)
  const matching = all.filter(({ labels }) => isWithin(wanted, labels))
  const candidates = matching.length > 0 ? matching : all
  const firing = candidates.filter(({ firingAtMs }) => firingAtMs !== undefined)
  const first = (firing.length > 0 ? firing : candidates).toSorted((a, b) =>
    firing.length > 0 ? a.firingAtMs! - b.firingAtMs! : lengthMs(b) - lengthMs(a) || a.pendingAtMs - b.pendingAtMs,
  )[0]
  if (!first) return undefined
  const own = offsets.flatMap(({ episodes }) => {
    const same = episodes.filter(({ key }) => key === first.key)
    const fired = same.find(({ firingAtMs }) => firingAtMs !== undefined)
    return fired ?? same.toSorted((a, b) => lengthMs(b) - lengthMs(a))[0] ?? []
  })
  const fired = own.filter(({ firingAtMs }) => firingAtMs !== undefined)
  const told = fired.length > 0 ? fired : own
  return {
    labels: first.labels,
    sampleLabels: first.sampleLabels,
    pendingAt: spanS(told.map(({ pendingAtMs }) => pendingAtMs))!,
    firingAt: spanS(fired.map(({ firingAtMs }) => firingAtMs!)),
    resolvedAt: told.every(({ resolvedAtMs }) => resolvedAtMs !== undefined)
      ? spanS(told.map(({ resolvedAtMs }) => resolvedAtMs!))
      : null,
    longestS: Math.max(...own.map(lengthMs)) / 1000,
    fired: fired.length,
    seen: own.length,
    offsets: offsets.length,
  }
}

function lengthMs({ pendingAtMs, resolvedAtMs }: Episode): number {
  return (resolvedAtMs ?? Number.MAX_SAFE_INTEGER) - pendingAtMs
}

/** The signal that made the difference. */
function deciderOf(
  { plan, operands }: RecordedRule,
  labels: Labels,
  atS: number | undefined,
): RecordedOperand | undefined {
  const byId = (id: string) => operands.find((operand) => operand.id === id)
  const conditionOf = (condition: Condition) => byId(condition.kind === 'signal' ? condition.conditionId : condition.id)
  const truthOf = (condition: Condition) =>
    conditionOf(condition)
      ?.series.filter((series) => agree(series.labels, labels))
      .flatMap(({ timesS }) => timesS) ?? []
  const leaf = decide(plan.condition)
  return byId(leaf.id) ?? operands.find(({ role }) => role === 'signal')

  function decide(condition: Condition): Extract<Condition, { kind: 'signal' }> {
    if (condition.kind === 'signal') return condition
    const [left, right] = condition.sides
    const [leftTimes, rightTimes] = [truthOf(left), truthOf(right)]
    if (condition.kind === 'unless') {
      const heldBack = leftTimes.length > 0 && truthOf(condition).length === 0
      return decide(heldBack ? right : left)
    }
    if (condition.kind === 'or') {
      if (atS !== undefined) return decide(isTrueAround(leftTimes, atS) ? left : right)
      return decide(leftTimes.length > 0 || rightTimes.length === 0 ? left : right)
    }
    if (leftTimes.length === 0 || rightTimes.length === 0) return decide(leftTimes.length === 0 ? left : right)
    // Of two that are true, the one that came last decides when the whole is.
    if (atS !== undefined) return decide(sinceWhen(leftTimes, atS) > sinceWhen(rightTimes, atS) ? left : right)
    return decide(leftTimes.length <= rightTimes.length ? left : right)
  }
}

function isTrueAround(timesS: readonly number[], atS: number): boolean {
  return timesS.some((timeS) => Math.abs(timeS - atS) <= 60)
}

/** Start of the unbroken time that holds `atS`. */
function sinceWhen(timesS: readonly number[], atS: number): number {
  const sorted = [...new Set(timesS)].sort((a, b) => a - b)
  const step = Math.min(...sorted.slice(1).map((timeS, i) => timeS - sorted[i]!), 60)
  let sinceS = Number.POSITIVE_INFINITY
  for (let i = sorted.length - 1; i >= 0; i -= 1) {
    if (sorted[i]! > atS + step) continue
    if (sinceS !== Number.POSITIVE_INFINITY && sinceS - sorted[i]! > step * 1.5) break
    sinceS = sorted[i]!
  }
  return sinceS
}

interface Closest {
  readonly value: number
  readonly atS: number
  readonly threshold: number
  readonly labels: Labels
}

/** The point of all agreeing series at which a signal came closest to its threshold, or went furthest past it. */
function closestOf(signal: RecordedOperand, recorded: RecordedRule, labels: Labels): Closest | undefined {
  if (!signal.comparison) return undefined
  const { operator } = signal.comparison
  let best: (Closest & { margin: number }) | undefined
  for (const series of agreeing(signal.series, labels)) {
    const thresholdAt = thresholdOf(signal, recorded, series.labels)
    series.timesS.forEach((atS, i) => {
      const value = series.values[i]!
      const threshold = thresholdAt(atS)
      if (threshold === undefined || Number.isNaN(value)) return
      const margin = marginOf(operator, value, threshold)
      if (best === undefined || margin > best.margin) best = { value, atS, threshold, labels: series.labels, margin }
    })
  }
  return best
}

function thresholdOf(
  { comparison }: RecordedOperand,
  { operands }: RecordedRule,
  labels: Labels,
): (atS: number) => number | undefined {
  const { threshold, thresholdId } = comparison!
  if (threshold !== undefined) return () => threshold
  const other = operands.find(({ id }) => id === thresholdId)
  const series = other && agreeing(other.series, labels)[0]
  const byTime = new Map(series?.timesS.map((timeS, i) => [timeS, series.values[i]!]))
  return (atS) => byTime.get(atS)
}

/** How far past the threshold, in the direction of the comparison; negative: not there yet. */
function marginOf(operator: string, value: number, threshold: number): number {
  if (operator === '<' || operator === '<=') return threshold - value
  if (operator === '==') return -Math.abs(value - threshold)
  return operator === '!=' ? Math.abs(value - threshold) : value - threshold
}

function answerOf(story: Story): string {
  const { outcome, evaluation, focus, missing, decider } = story
  const { rule } = evaluation
  switch (outcome) {
    case 'not judged':
      return `It is not judged: ${evaluation.notJudged}.`
    case 'failed':
      return `It could not fire: its evaluation fails with "${evaluation.failures[0]!.message}".`
    case 'no series':
      if (missing !== undefined) return `It could not fire: ${missing}.`
      if (decider!.error) return `It did not fire: ${code(decider!.text)} can't be evaluated: ${decider!.error}.`
      return `It did not fire: ${code(decider!.text)} never had a value${apartText(decider!, story.recorded)}.`
    case 'never true':
      return `It did not fire: ${closestText(story)}.`
    case 'pending': {
      const from = focus!.pendingAt[0]
      return focus!.resolvedAt
        ? `It did not fire: the condition was true ${trueText(story)}, and the rule waits ${formatDuration(rule.forMs)}. ${capital(closestText(story))}.`
        : `It did not fire before the drill ended: the condition is true since ${formatClock(from)}, and the rule waits ${formatDuration(rule.forMs)}.`
    }
    case 'fired': {
      const since = formatClock(focus!.pendingAt[0])
      const held = rule.forMs > 0 ? ` and stayed so for the ${formatDuration(rule.forMs)} that the rule waits` : ''
      const partly =
        focus!.fired < focus!.offsets ? ` (at ${focus!.fired} of ${focus!.offsets} evaluation offsets)` : ''
      const what = decider?.comparison
        ? `${nameOf(decider)} was ${wordOf(decider.comparison.operator)} ${thresholdText(story)} from ${since} on`
        : `${decider ? code(decider.text) : 'the expression'} had a value from ${since} on`
      return `It fired ${formatInterval(focus!.firingAt!)}${partly}: ${what}${held}.`
    }
  }
}

/** Why an operation between two sides that have values has none: no labels of one are those of the other. */
function apartText({ id }: RecordedOperand, { operands }: RecordedRule): string {
  const sides = [0, 1].map((i) => operands.find((one) => one.id === (id === '' ? `${i}` : `${id}.${i}`)))
  const [left, right] = sides.map((side) => side?.series[0]?.labels)
  if (!left || !right) return ''
  return `: its sides do, but no two with the same labels (left ${labelText(left)}, right ${labelText(right)})`
}

/** @returns for example `for 8m (12:30 to 20:30)` */
function trueText({ focus, trueAt }: Story): string {
  const span = trueAt.find(([from, to]) => to >= focus!.pendingAt[0] - 60 && from <= focus!.pendingAt[1])
  if (!span || span[0] === span[1]) return `only for a moment at ${formatClock(focus!.pendingAt[0])}`
  const from = Math.min(span[0], focus!.pendingAt[0])
  return `for ${formatDuration((span[1] - from) * 1000)} (${formatInterval([from, span[1]])})`
}

/** @returns for example `kafka_consumer_lag peaked at 9,870 at 26:00, threshold 10,000` */
function closestText({ decider, closest, focus }: Story): string {
  if (!decider) return 'the condition was never true'
  if (!decider.comparison || !closest) return `${code(decider.text)} never had a value`
  const { operator } = decider.comparison
  const value = formatValue(closest.value, decider.unit)
  const threshold = formatValue(closest.threshold, decider.unit)
  const at = `at ${formatClock(closest.atS)}`
  const name = nameOf(decider)
  if (operator === '==') {
    if (closest.value === closest.threshold) return `${name} was ${value} ${at}`
    return `${name} was never ${threshold}; the nearest was ${value} ${at}`
  }
  if (operator === '!=') return `${name} was ${closest.value === closest.threshold ? 'always' : 'not'} ${threshold}`
  const short = focus ? '' : shortfall(closest)
  const verb = operator.startsWith('<') ? 'fell to' : 'peaked at'
  return `${name} ${verb} ${value} ${at}, threshold ${threshold}${short}`
}

/** How much was missing, of the threshold. */
function shortfall({ value, threshold }: Closest): string {
  if (threshold === 0) return ''
  const share = Math.abs((value - threshold) / threshold)
  if (share === 0) return ' (just reached, and the comparison wants more)'
  return ` (${Number((share * 100).toPrecision(2))} % ${value < threshold ? 'below' : 'above'} it)`
}

function stepsOf(story: Story): ExplanationStep[] {
  const { drill, evaluation, focus, outcome, decider, result, closest } = story
  const { rule, group } = evaluation
  const steps: ExplanationStep[] = []
  const add = (atS: Interval | null, title: string, text: string) => steps.push({ atS, title, text })
  const interval = formatDuration(group.intervalMs)
  const cause = causeOf(story)
  for (const event of causesOf(story, cause)) {
    add([event.startMs / 1000, event.startMs / 1000], 'The fault begins', faultText(event))
  }
  if (drill.events.length === 0)
    add(null, 'Nothing is broken', 'This drill has no fault: every alert is to stay silent.')

  if (outcome === 'not judged' || outcome === 'failed' || outcome === 'no series') {
    add(null, outcome === 'no series' ? 'Nothing to look at' : 'No evaluation', answerOf(story))
    return steps
  }
  if (decider && outcome === 'never true') {
    const at: Interval | null = closest ? [closest.atS, closest.atS] : null
    add(at, 'The closest approach', `${capital(closestText(story))}${closest ? forLabels(closest.labels) : ''}.`)
    const together = togetherText(story)
    if (together) add(null, 'Never together', together)
    add(
      null,
      'No evaluation sees it true',
      `The group is evaluated every ${interval}; the condition has no result at any of its times.`,
    )
    return steps
  }
  if (!focus) return steps

  const trueAtS = focus.pendingAt[0]
  const after = cause ? `, ${formatDuration(trueAtS * 1000 - cause.startMs)} after the fault began` : ''
  const usual = decider ? usualText(story, trueAtS) : ''
  const signal = decider?.comparison
    ? `${nameOf(decider)} is ${wordOf(decider.comparison.operator)} ${thresholdText(story)}${after}.${usual}`
    : `${decider ? code(decider.text) : 'The expression'} gets a value${after}.`
  add([trueAtS, trueAtS], 'The condition becomes true', `${capital(signal)} It is about ${labelText(focus.labels)}.`)
  const [, latestS] = focus.pendingAt
  const blind = focus.offsets - focus.seen
  const unseen = blind > 0 ? ` At ${blind} of ${focus.offsets} possible seconds no evaluation sees it at all.` : ''
  add(
    focus.pendingAt,
    rule.forMs > 0 ? 'An evaluation sees it: pending' : 'An evaluation sees it',
    `The group is evaluated every ${interval}, and the second within that interval is the server's choice: this adds ` +
      `${latestS > trueAtS ? `up to ${formatDuration((latestS - trueAtS) * 1000)}` : 'nothing here'}.${unseen}`,
  )
  if (outcome === 'pending') {
    const ends = focus.resolvedAt
    if (ends) {
      add(
        ends,
        'An evaluation finds it false: inactive again',
        `The condition was true ${trueText(story)}; "for" wants ${formatDuration(rule.forMs)} of evaluations without a gap. The next time starts from nothing.`,
      )
    } else add(null, 'The drill ends', `It was still pending, with "for" at ${formatDuration(rule.forMs)}.`)
    return steps
  }
  const firing = focus.firingAt!
  const reason =
    rule.forMs > 0
      ? `The condition stayed true at every evaluation for ${formatDuration(rule.forMs)} ("for"), so the first evaluation after that fires.`
      : 'The rule has no "for": the first evaluation that sees the condition fires.'
  add(firing, 'Firing', `${reason}${windowText(firing, result.window)}`)
  if (closest && decider?.comparison && closest.atS >= trueAtS) {
    add([closest.atS, closest.atS], 'At its furthest', `${capital(closestText(story))}.`)
  }
  if (focus.resolvedAt) {
    const keep = rule.keepFiringForMs > 0 ? `, held by keep_firing_for for ${formatDuration(rule.keepFiringForMs)}` : ''
    add(focus.resolvedAt, 'Resolved', `The first evaluation without a result ends it${keep}.`)
  } else add(null, 'Not resolved', 'It fires until the end of the drill.')
  return steps
}

function windowText(firing: Interval, window: Interval | null): string {
  if (!window) return ''
  const inside = firing[0] >= window[0] && firing[1] <= window[1]
  return ` The scenario allows the first firing ${formatInterval(window)}: this is ${inside ? 'inside' : 'outside'}.`
}

/** Under `and`: both sides were true, but not at the same time. */
function togetherText({ recorded, result }: Story): string | undefined {
  const { condition } = recorded.plan
  if (condition.kind !== 'and') return undefined
  const spans = condition.sides.map((side) => {
    const id = side.kind === 'signal' ? side.conditionId : side.id
    const operand = recorded.operands.find((one) => one.id === id)
    const timesS = agreeing(operand?.series ?? [], result.labels).flatMap(({ timesS: own }) => own)
    return operand && timesS.length > 0
      ? `${code(operand.text)} was true within ${formatInterval(ends(timesS))}`
      : undefined
  })
  return spans.every((span) => span !== undefined)
    ? `${capital(spans.join(', '))}; never at once for the same labels.`
    : undefined
}

/** What the signal was before the fault. */
function usualText({ decider, recorded, focus, drill }: Story, trueAtS: number): string {
  const firstMs = Math.min(trueAtS * 1000, ...drill.events.map(({ startMs }) => startMs))
  const series = bestSeries(decider!, focus!.sampleLabels, recorded)
  const usual = series && medianWithin(series, 0, firstMs / 1000 - 0.001)
  return usual === undefined || usual === null ? '' : ` Before, it was ${formatValue(usual, decider!.unit)}.`
}

function delayOf({ focus, evaluation, ...story }: Story): AlertDelay | null {
  const cause = causeOf({ focus, evaluation, ...story })
  if (!focus?.firingAt || !cause) return null
  const faultAtS = cause.startMs / 1000
  const [earliest, latest] = focus.pendingAt
  return {
    event: cause.id,
    faultAtS,
    signalS: earliest - faultAtS,
    intervalS: [0, latest - earliest],
    forS: focus.firingAt[0] - earliest,
  }
}

/** The event that the scenario names, else the last one that began before the condition was true. */
function causeOf({ drill, result, focus, closest }: Story): DrillEvent | undefined {
  const expected = drill.expect.alerts[result.alertname]
  const named = expected?.kind === 'fires' ? drill.events.find(({ id }) => id === expected.because) : undefined
  const atMs = focus ? focus.pendingAt[0] * 1000 : closest ? closest.atS * 1000 : Number.POSITIVE_INFINITY
  if (named && named.startMs <= atMs) return named
  return drill.events.filter(({ startMs }) => startMs <= atMs).at(-1)
}

/** The cause, and what was in force beside it when the condition became true: several faults may add up. */
function causesOf({ drill, focus, closest }: Story, cause: DrillEvent | undefined): DrillEvent[] {
  if (!cause) return []
  const atMs = (focus?.pendingAt[0] ?? closest?.atS ?? cause.startMs / 1000) * 1000
  return drill.events
    .filter((event) => event === cause || (event.startMs <= atMs && event.endMs > cause.startMs))
    .toSorted((a, b) => a.startMs - b.startMs)
}

function faultText({ fault, params, severity, ends: hasEnd, startMs, endMs, id }: DrillEvent): string {
  const what = capital(findFault(fault)?.describe(params) ?? fault)
  const ramp = severity.overMs > 0 ? `, at full strength after ${formatDuration(severity.overMs)}` : ''
  const until = hasEnd ? `, for ${formatDuration(endMs - startMs)}` : ', until the end of the drill'
  return `${what} (${id})${ramp}${until}.`
}

const seriesShown = 6

function operandEvidence(operand: RecordedOperand, story: Story, drill: Drill): OperandEvidence {
  const { recorded, focus, result, missing, decider } = story
  const labels = focus?.sampleLabels ?? result.labels
  const best = bestSeries(operand, labels, recorded)
  const closest = operand.comparison ? closestOf(operand, recorded, labels) : undefined
  const [fromS, toS] = faultSpan(drill)
  const others = operand.series.filter((series) => series !== best).toSorted((a, b) => size(b) - size(a))
  const shown = best ? [best, ...others.slice(0, seriesShown - 1)] : []
  const within = (from: number, to: number) => (best ? medianWithin(best, from, to) : null)
  return {
    id: operand.id,
    depth: operand.depth,
    role: operand.role,
    text: operand.text,
    unit: operand.unit,
    operator: operand.comparison?.operator ?? null,
    threshold: operand.comparison?.threshold ?? null,
    decided: operand === decider,
    trueAt: operand.role === 'condition' ? spansOf(operand, labels, recorded.stepS) : [],
    closest: closest ? { value: closest.value, atS: closest.atS, threshold: closest.threshold } : null,
    before: within(Math.max(0, 2 * fromS - toS), fromS - 0.001),
    during: within(fromS, toS),
    after: within(toS + 0.001, drill.lengthMs / 1000),
    series: shown.map(chartSeries),
    seriesCount: operand.seriesCount,
    note:
      operand.error ??
      (operand.seriesCount === 0 && operand.role !== 'condition' ? (missing ?? 'no value in this drill') : ''),
  }
}

/** The series that agrees with the labels; of several the one that came closest to its threshold, else the largest. */
function bestSeries(operand: RecordedOperand, labels: Labels, recorded: RecordedRule): OperandSeries | undefined {
  const candidates = agreeing(operand.series, labels)
  const closest = operand.comparison ? closestOf(operand, recorded, labels) : undefined
  return (
    candidates.find((series) => series.labels === closest?.labels) ??
    candidates.toSorted((a, b) => size(b) - size(a))[0]
  )
}

/** Series that say nothing else than these labels; those that share most of them first, all when none agrees. */
function agreeing(series: readonly OperandSeries[], labels: Labels): readonly OperandSeries[] {
  const fitting = series.filter((one) => agree(one.labels, labels))
  return fitting.length > 0 ? fitting : series
}

function agree(a: Labels, b: Labels): boolean {
  return Object.entries(a).every(([name, value]) => name === '__name__' || (b[name] ?? value) === value)
}

function isWithin(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

function size({ values }: OperandSeries): number {
  return Math.max(0, ...values.filter(Number.isFinite).map(Math.abs))
}

function chartSeries({ labels, timesS, values }: OperandSeries): ChartSeries {
  return { name: labelText(labels), timesS, values }
}

/** From the start of the first fault to the end of the last; the whole drill when there is none. */
export function faultSpan(drill: Pick<Drill, 'events' | 'lengthMs'>): Interval {
  if (drill.events.length === 0) return [0, drill.lengthMs / 1000]
  const from = Math.min(...drill.events.map(({ startMs }) => startMs))
  const to = Math.max(...drill.events.map(({ endMs }) => Math.min(endMs, drill.lengthMs)))
  return [from / 1000, to / 1000]
}

function medianWithin({ timesS, values }: OperandSeries, fromS: number, toS: number): number | null {
  const within = values.filter((value, i) => timesS[i]! >= fromS && timesS[i]! <= toS && Number.isFinite(value))
  if (within.length === 0) return null
  within.sort((a, b) => a - b)
  const middle = within.length >> 1
  return within.length % 2 === 1 ? within[middle]! : (within[middle - 1]! + within[middle]!) / 2
}

function thresholdText({ decider, closest }: Story): string {
  const { threshold, thresholdId } = decider!.comparison!
  if (threshold !== undefined) return formatValue(threshold, decider!.unit)
  return closest ? formatValue(closest.threshold, decider!.unit) : `the part ${thresholdId}`
}

/** Short enough for a sentence: without the labels that are kept; what is still long, by its metrics. */
function nameOf({ text, metrics }: RecordedOperand): string {
  const short = text.replaceAll(/ ?\b(by|without|on|ignoring|group_left|group_right) ?\([^)]*\) ?/g, '')
  if (short.length <= 100 || metrics.length === 0) return code(short)
  return `the value made of ${metrics.slice(0, 3).map(code).join(', ')}`
}

function code(text: string): string {
  return `\`${text}\``
}

function wordOf(operator: string): string {
  return operatorWords[operator] ?? operator
}

const operatorWords: Readonly<Record<string, string>> = {
  '>': 'above',
  '>=': 'at or above',
  '<': 'below',
  '<=': 'at or below',
  '==': 'equal to',
  '!=': 'different from',
}

function forLabels(labels: Labels): string {
  const text = labelText(labels)
  return text === '{}' ? '' : `, for ${text}`
}

/** Without what every instance of the alert has. */
export function labelText(labels: Labels): string {
  const shown = Object.entries(labels).filter(([name]) => !['__name__', 'alertname', 'severity', 'team'].includes(name))
  return `{${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
}

function ends(timesS: readonly number[]): Interval {
  return [Math.min(...timesS), Math.max(...timesS)]
}

function spanS(timesMs: readonly number[]): Interval | null {
  return timesMs.length > 0 ? [Math.min(...timesMs) / 1000, Math.max(...timesMs) / 1000] : null
}

/** Names of services and metrics stay as they are. */
function capital(text: string): string {
  if (/^\S*[-_`]/.test(text)) return text
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`
}
