/**
 * Whether the alerts of a drill did what the scenario says. A verdict must hold for every offset that a group may have:
 * "fires" in all of them, "silent" in all of them.
 *
 * - fires: the first firing of an instance that matches `labels` lies in the window. With `resolved`, no matching instance
 *   fires any more from a time in that window on, so an alert that comes back is seen. Under `otherwise: silent` an
 *   instance that does not match must not fire either.
 * - pending-only: pending at least once and never firing. silent: never firing (pending allowed). may: anything.
 */
import type { Episode, OffsetEvaluation, RuleEvaluation } from '../alerts/evaluate.ts'
import { gapsOf, renderAnnotations, type TextContext } from '../alerts/texts.ts'
import type { AlertEpisode, AlertInstance, AlertResult, Interval } from '../drill/drill-result.ts'
import type { Labels } from '../judge/judge.ts'
import type { AlertExpected, Drill, TimeReference } from '../scenario/scenario.ts'
import { formatClock, formatDuration, formatInterval } from './clock-text.ts'

export interface AlertJudgement {
  readonly drill: Drill
  readonly evaluations: readonly RuleEvaluation[]
  readonly text: TextContext
  /** The rules are not the platform's own: what a scenario names may be absent there. */
  readonly foreignRules: boolean
  /** Why an expression of the rule can have no value, when that is known. */
  readonly explain: (evaluation: RuleEvaluation, labels: Labels) => string | undefined
}

type Fires = Extract<AlertExpected, { kind: 'fires' }>

/** One result for each alert of the rules and of the scenario, by name. */
export async function judgeAlerts(judgement: AlertJudgement): Promise<AlertResult[]> {
  const { drill, evaluations } = judgement
  const names = new Set([...evaluations.map(({ rule }) => rule.name), ...Object.keys(drill.expect.alerts)])
  const results: AlertResult[] = []
  for (const name of [...names].sort()) {
    results.push(
      await judgeAlert(
        name,
        evaluations.filter(({ rule }) => rule.name === name),
        judgement,
      ),
    )
  }
  return results
}

async function judgeAlert(
  alertname: string,
  evaluations: readonly RuleEvaluation[],
  judgement: AlertJudgement,
): Promise<AlertResult> {
  const { drill, foreignRules, text, explain } = judgement
  const named = drill.expect.alerts[alertname]
  if (evaluations.length === 0) {
    return { ...blank(alertname, 'not in these rules'), ok: true, detail: 'the rules have no alert of this name' }
  }
  // What foreign rules add is looked at, not judged: the scenario does not know them.
  const expected: AlertExpected = named ?? { kind: foreignRules ? 'may' : drill.expect.otherwise }
  const notJudged = evaluations.find((evaluation) => evaluation.notJudged !== undefined)
  if (notJudged) {
    const ok = expected.kind === 'may'
    return { ...blank(alertname, 'not judged'), ok, detail: `not judged: ${notJudged.notJudged}` }
  }
  const labels = expected.kind === 'fires' ? expected.labels : {}
  const offsets = evaluations.flatMap((evaluation) => evaluation.offsets)
  const instances = await describeInstances(evaluations, drill.startMs, text)
  const outcomes = offsets.map((offset) => summarise(offset, labels))
  const common: AlertResult = {
    alertname,
    expected: expected.kind,
    labels,
    window: expected.kind === 'fires' ? seconds(expected.firing) : null,
    resolvedWindow: expected.kind === 'fires' && expected.resolved ? seconds(expected.resolved) : null,
    ok: true,
    detail: '',
    firingAt: allOrNone(outcomes.map(({ firingAtMs }) => firingAtMs)),
    pendingAt: allOrNone(outcomes.map(({ pendingAtMs }) => pendingAtMs)),
    resolvedAt: allOrNone(outcomes.map(({ resolvedAtMs }) => resolvedAtMs)),
    text: null,
    instances: instances.map(({ instance }) => instance),
  }
  const why = () => evaluations.map((evaluation) => explain(evaluation, labels)).find((reason) => reason !== undefined)
  if (expected.kind === 'fires') {
    const gaps = expected.textComplete
      ? instances.filter(({ instance }) => hasLabels(instance.labels, labels)).flatMap((one) => one.gaps)
      : []
    const text = expected.textComplete && common.firingAt ? (gaps.length > 0 ? 'incomplete' : 'complete') : null
    return { ...common, text, ...judgeFires(expected, outcomes, { evaluations, gaps, why, drill }) }
  }
  // Silence of a rule that could not have fired proves nothing.
  const vacuous = named && expected.kind !== 'may' && !evaluations.some(({ everTrue }) => everTrue) ? why() : undefined
  if (vacuous !== undefined) return { ...common, ok: false, detail: `can never fire: ${vacuous}` }
  return { ...common, ...judgeQuiet(expected.kind, outcomes) }
}

/** What matters of one offset. Times since the start of the drill; undefined: never. */
interface Outcome {
  readonly pendingAtMs: number | undefined
  readonly firingAtMs: number | undefined
  /** When the last matching instance stopped firing. */
  readonly resolvedAtMs: number | undefined
  readonly longestPendingMs: number
  readonly stillFiring: boolean
  /** Instances that fire without matching. */
  readonly others: readonly Episode[]
}

function summarise({ episodes }: OffsetEvaluation, labels: Labels): Outcome {
  const matching = episodes.filter((episode) => hasLabels(episode.labels, labels))
  const firing = matching.filter(({ firingAtMs }) => firingAtMs !== undefined)
  const ends = firing.map(({ resolvedAtMs }) => resolvedAtMs)
  const stillFiring = ends.includes(undefined)
  const pendingOnly = matching.filter(({ firingAtMs }) => firingAtMs === undefined)
  return {
    pendingAtMs: least(matching.map(({ pendingAtMs }) => pendingAtMs)),
    firingAtMs: least(firing.map(({ firingAtMs }) => firingAtMs!)),
    resolvedAtMs: stillFiring || ends.length === 0 ? undefined : Math.max(...(ends as number[])),
    longestPendingMs: Math.max(
      0,
      ...pendingOnly.map(({ pendingAtMs, resolvedAtMs }) => (resolvedAtMs ?? pendingAtMs) - pendingAtMs),
    ),
    stillFiring,
    others: episodes.filter((episode) => episode.firingAtMs !== undefined && !hasLabels(episode.labels, labels)),
  }
}

interface Known {
  readonly evaluations: readonly RuleEvaluation[]
  readonly gaps: readonly string[]
  readonly why: () => string | undefined
  readonly drill: Drill
}

function judgeFires(expected: Fires, outcomes: readonly Outcome[], known: Known): { ok: boolean; detail: string } {
  const { firing, firingAfter, resolved, resolvedAfter } = expected
  const expectation = `expected ${formatInterval(seconds(firing))}${reference(firing, firingAfter)}`
  const never = outcomes.filter(({ firingAtMs }) => firingAtMs === undefined)
  if (never.length > 0) return { ok: false, detail: `${describeNeverFiring(outcomes, never, known)}; ${expectation}` }
  const firedAt = allOrNone(outcomes.map(({ firingAtMs }) => firingAtMs))!
  const fires = `fires ${formatInterval(firedAt)}`
  const early = Math.max(...outcomes.map(({ firingAtMs }) => firing[0] - firingAtMs!))
  if (early > 0) return { ok: false, detail: `${fires}, ${formatDuration(early)} too early: ${expectation}` }
  const late = Math.max(...outcomes.map(({ firingAtMs }) => firingAtMs! - firing[1]))
  if (late > 0) return { ok: false, detail: `${fires}, ${formatDuration(late)} too late: ${expectation}` }
  const others = outcomes.flatMap((outcome) => outcome.others)
  if (others.length > 0 && known.drill.expect.otherwise === 'silent') {
    return { ok: false, detail: `${fires}, but fires also for ${formatLabels(others[0]!.labels)}` }
  }
  const legal = ` (legal ${formatInterval(seconds(firing))})`
  let ends = ''
  if (resolved && resolvedAfter) {
    const wanted = `expected to resolve ${formatInterval(seconds(resolved))}${reference(resolved, resolvedAfter)}`
    if (outcomes.some(({ stillFiring }) => stillFiring)) {
      return { ok: false, detail: `${fires}, and still fires at the end of the drill; ${wanted}` }
    }
    const resolvedAt = allOrNone(outcomes.map(({ resolvedAtMs }) => resolvedAtMs))!
    ends = `, resolves ${formatInterval(resolvedAt)}`
    const wrong = outcomes.some(({ resolvedAtMs }) => resolvedAtMs! < resolved[0] || resolvedAtMs! > resolved[1])
    if (wrong) return { ok: false, detail: `${fires}${ends}; ${wanted}` }
  }
  if (known.gaps.length > 0) {
    return {
      ok: false,
      detail: `${fires}${ends}, but its text is not complete: ${[...new Set(known.gaps)].join('; ')}`,
    }
  }
  return { ok: true, detail: `${fires}${legal}${ends}${expected.textComplete ? ', text complete' : ''}` }
}

function describeNeverFiring(outcomes: readonly Outcome[], never: readonly Outcome[], known: Known): string {
  if (never.length < outcomes.length) {
    const firing = outcomes.filter(({ firingAtMs }) => firingAtMs !== undefined)
    const at = allOrNone(firing.map(({ firingAtMs }) => firingAtMs))!
    return `does not fire at ${never.length} of ${outcomes.length} evaluation offsets (at the others ${formatInterval(at)})`
  }
  const longest = Math.max(...outcomes.map(({ longestPendingMs }) => longestPendingMs))
  if (outcomes.some(({ pendingAtMs }) => pendingAtMs !== undefined)) {
    const forMs = Math.max(...known.evaluations.map(({ rule }) => rule.forMs))
    return `never fires: pending for at most ${formatDuration(longest)} of the ${formatDuration(forMs)} that the rule waits`
  }
  const others = outcomes.flatMap((outcome) => outcome.others)
  if (others.length > 0) return `fires, but only for ${formatLabels(others[0]!.labels)}`
  const failure = known.evaluations.flatMap(({ failures }) => failures)[0]
  if (failure) return `never fires: its evaluation fails: ${failure.message}`
  const reason = known.why()
  if (reason !== undefined) return `can never fire: ${reason}`
  return 'never fires: the condition was never true'
}

function judgeQuiet(
  kind: 'silent' | 'may' | 'pending-only',
  outcomes: readonly Outcome[],
): { ok: boolean; detail: string } {
  const firing = outcomes.filter(({ firingAtMs }) => firingAtMs !== undefined)
  const pending = outcomes.filter(({ pendingAtMs }) => pendingAtMs !== undefined)
  const firingAt = span(firing.map(({ firingAtMs }) => firingAtMs!))
  const where = firing.length === outcomes.length ? '' : ` (at ${firing.length} of ${outcomes.length} offsets)`
  const pendingText =
    pending.length > 0
      ? `pending for at most ${formatDuration(Math.max(...outcomes.map(({ longestPendingMs }) => longestPendingMs)))}`
      : 'never pending'
  if (kind === 'may') return { ok: true, detail: firingAt ? `fires ${formatInterval(firingAt)}${where}` : pendingText }
  if (firingAt) return { ok: false, detail: `fires ${formatInterval(firingAt)}${where}, expected ${kind}` }
  if (kind === 'pending-only' && pending.length < outcomes.length) {
    const detail =
      pending.length === 0
        ? 'never pending, expected pending-only'
        : `not pending at ${outcomes.length - pending.length} of ${outcomes.length} offsets, expected pending-only`
    return { ok: false, detail }
  }
  return { ok: true, detail: pendingText }
}

/** Instances over all offsets, with the text at the earliest and at the latest first firing. */
async function describeInstances(
  evaluations: readonly RuleEvaluation[],
  startMs: number,
  text: TextContext,
): Promise<{ instance: AlertInstance; gaps: readonly string[] }[]> {
  const described: { instance: AlertInstance; gaps: readonly string[] }[] = []
  for (const { rule, offsets } of evaluations) {
    const byKey = new Map<string, Episode[]>()
    for (const episode of offsets.flatMap(({ episodes }) => episodes)) {
      byKey.set(episode.key, [...(byKey.get(episode.key) ?? []), episode])
    }
    for (const episodes of [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list)) {
      const firing = episodes
        .filter(({ firingAtMs }) => firingAtMs !== undefined)
        .sort((a, b) => a.firingAtMs! - b.firingAtMs!)
      const shown = firing[0] ?? episodes[0]!
      const texts = []
      for (const episode of firing.length > 0 ? [firing[0]!, firing.at(-1)!] : [shown]) {
        const atMs = startMs + (episode.firingAtMs ?? episode.pendingAtMs)
        texts.push(
          episode.annotations
            ? { annotations: episode.annotations, gaps: gapsOf(rule, episode.annotations, episode.sampleLabels) }
            : await renderAnnotations(rule, episode.sampleLabels, episode.value, atMs, text),
        )
      }
      described.push({
        instance: { labels: shown.labels, annotations: texts[0]!.annotations, episodes: mergeEpisodes(episodes) },
        gaps: firing.length > 0 ? texts.flatMap(({ gaps }) => gaps) : [],
      })
    }
  }
  return described
}

/** Episodes of different offsets that overlap are one and the same, seen at different times. */
function mergeEpisodes(episodes: readonly Episode[]): AlertEpisode[] {
  const sorted = [...episodes].sort((a, b) => a.pendingAtMs - b.pendingAtMs)
  const clusters: Episode[][] = []
  let endMs = Number.NEGATIVE_INFINITY
  for (const episode of sorted) {
    if (episode.pendingAtMs > endMs) clusters.push([])
    clusters.at(-1)!.push(episode)
    endMs = Math.max(endMs, episode.resolvedAtMs ?? Number.POSITIVE_INFINITY)
  }
  return clusters.map((cluster) => ({
    pendingAt: span(cluster.map(({ pendingAtMs }) => pendingAtMs))!,
    firingAt: span(cluster.flatMap(({ firingAtMs }) => firingAtMs ?? [])),
    resolvedAt: allOrNone(cluster.map(({ resolvedAtMs }) => resolvedAtMs)),
  }))
}

/** Whether nothing but what is allowed fires in the steady state, before the first fault. */
export function judgeSteady(
  drill: Drill,
  evaluations: readonly RuleEvaluation[],
  foreignRules = false,
): { ok: boolean; detail: string } | undefined {
  if (!drill.steady) return undefined
  const { fromMs, allowed } = drill.steady
  const untilMs = Math.min(drill.lengthMs, ...drill.events.map(({ startMs }) => startMs))
  const bound = evaluations.filter(({ rule }) => {
    const named = drill.expect.alerts[rule.name]
    // Of what foreign rules add nobody has said that it should be silent; a Watchdog never is.
    return !allowed.includes(rule.name) && named?.kind !== 'may' && (named !== undefined || !foreignRules)
  })
  for (const { rule, offsets } of bound) {
    for (const { firingAtMs, resolvedAtMs, labels } of offsets.flatMap(({ episodes }) => episodes)) {
      if (firingAtMs === undefined || firingAtMs >= untilMs) continue
      if (resolvedAtMs !== undefined && resolvedAtMs <= fromMs) continue
      const at = formatClock(firingAtMs / 1000)
      return { ok: false, detail: `${rule.name} fires at ${at}, before the first fault: ${formatLabels(labels)}` }
    }
  }
  const span = formatInterval([fromMs / 1000, untilMs / 1000])
  return { ok: true, detail: `no alert fires from ${span}` }
}

function blank(alertname: string, expected: AlertResult['expected']): AlertResult {
  return {
    alertname,
    expected,
    labels: {},
    window: null,
    resolvedWindow: null,
    ok: true,
    detail: '',
    firingAt: null,
    pendingAt: null,
    resolvedAt: null,
    text: null,
    instances: [],
  }
}

function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

function reference(window: readonly [number, number], after: TimeReference): string {
  if (after.text === 'start') return ''
  return ` (${after.text} + ${formatDuration(window[0] - after.ms)} to ${formatDuration(window[1] - after.ms)})`
}

function formatLabels(labels: Labels): string {
  const shown = Object.entries(labels).filter(([name]) => !['alertname', 'severity', 'team'].includes(name))
  return `{${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
}

function least(values: readonly number[]): number | undefined {
  return values.length > 0 ? Math.min(...values) : undefined
}

function seconds([from, to]: readonly [number, number]): Interval {
  return [from / 1000, to / 1000]
}

/** Over the offsets, in seconds; null when one of them has none. */
function allOrNone(values: readonly (number | undefined)[]): Interval | null {
  return values.length > 0 && values.every((value) => value !== undefined) ? span(values as number[]) : null
}

function span(valuesMs: readonly number[]): Interval | null {
  return valuesMs.length > 0 ? [Math.min(...valuesMs) / 1000, Math.max(...valuesMs) / 1000] : null
}
