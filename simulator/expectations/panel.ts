/** Whether panels show what the scenario expects, and for those that nothing is expected of, whether they show anything. */
import { countOf } from '../count-text.ts'
import type { Dashboard, DashboardPanel } from '../dashboards/dashboard.ts'
import type { PanelSeries, TargetEvaluation } from '../dashboards/panel-evaluation.ts'
import { isAbout, matchesPattern } from '../dashboards/panel-pattern.ts'
import type { PanelResult } from '../drill/drill-result.ts'
import type { Drill, PanelExpected } from '../scenario/scenario.ts'
import { formatClock } from './clock-text.ts'

export interface PanelContext {
  /** Why a query selects something that no target ever exposes; undefined when it does not. */
  readonly explainAbsent: (evaluation: TargetEvaluation) => string | undefined
}

/** What the detail of a result begins with when no drill can ever make it better. */
export const neverAnyData = 'can never show data'

/** One result for each query, and for each expectation that is about it. */
export function judgePanels(
  drill: Drill,
  evaluations: readonly TargetEvaluation[],
  context: PanelContext,
): PanelResult[] {
  const results = evaluations.map((evaluation) => ({ evaluation, results: [] as PanelResult[] }))
  for (const expected of drill.expect.panels) {
    const concerned = results.filter(({ evaluation }) =>
      isAbout(expected, { ...evaluation, refId: evaluation.target.refId }),
    )
    const byPanel = new Map<DashboardPanel, typeof concerned>()
    for (const one of concerned) byPanel.set(one.evaluation.panel, [...(byPanel.get(one.evaluation.panel) ?? []), one])
    for (const queries of byPanel.values()) {
      const judged = queries.map(({ evaluation }) => judgeExpected(evaluation, expected, drill, context))
      // One of its queries is enough for a panel to move: the p50 may stay where it is.
      const moved = expected.moves === 'up' || expected.moves === 'down' ? judged.some(({ moves }) => moves) : true
      for (const [i, { result, has, moves }] of judged.entries()) {
        queries[i]!.results.push({
          ...result,
          ok: result.state !== 'error' && has && (moves || (moved && isMove(expected))),
        })
      }
    }
  }
  return results.flatMap(({ evaluation, results: expected }) =>
    expected.length > 0 ? expected : [judgeUnasked(evaluation, drill, context)],
  )
}

/** Expectations that are about no query of the dashboards at hand. */
export function unmatchedExpectations(
  expected: readonly PanelExpected[],
  dashboards: readonly Dashboard[],
): PanelExpected[] {
  const queries = dashboards.flatMap((dashboard) =>
    dashboard.panels.flatMap((panel) => [
      ...(panel.targets.length === 0 ? [{ dashboard, panel }] : []),
      ...panel.targets.map(({ refId }) => ({ dashboard, panel, refId })),
    ]),
  )
  return expected.filter((one) => !queries.some((query) => isAbout(one, query)))
}

function isMove({ moves }: PanelExpected): boolean {
  return moves === 'up' || moves === 'down'
}

interface JudgedQuery {
  readonly result: PanelResult
  readonly has: boolean
  readonly moves: boolean
}

function judgeExpected(
  evaluation: TargetEvaluation,
  expected: PanelExpected,
  drill: Drill,
  context: PanelContext,
): JudgedQuery {
  const what = describeExpected(expected)
  const base = { ...blank(evaluation), expected: what }
  if (evaluation.notJudged !== undefined) {
    const detail = `not judged, so it is not known whether it ${what}: ${evaluation.notJudged}`
    return { result: { ...base, state: 'not judged', detail }, has: false, moves: false }
  }
  const wrong = whatIsWrong(evaluation, context)
  if (wrong) return { result: { ...base, ...wrong }, has: false, moves: false }
  const series = evaluation.series.filter((one) => isChosen(one, expected))
  const window = expected.duringMs ?? [drill.steady?.fromMs ?? 0, drill.lengthMs + 1]
  const shown = count(series, window)
  const state = shown.numbers > 0 ? ('data' as const) : ('empty' as const)
  const change =
    expected.moves && expected.duringMs ? strongestMove(series, expected.duringMs, drill, expected) : undefined
  const has = judgeHas(expected, series, window)
  const moves = judgeMoves(expected, change, series.length)
  return {
    result: {
      ...base,
      state,
      series: shown.series,
      points: shown.points,
      moves: change ? change.direction : null,
      before: change?.before ?? null,
      during: change?.during ?? null,
      detail: [has.text, moves.text].filter(Boolean).join('; '),
    },
    has: has.ok,
    moves: moves.ok,
  }
}

function describeExpected({ has, moves, by, during, legend, labels }: PanelExpected): string {
  const which = [
    ...(legend ? [`"${legend}"`] : []),
    ...Object.entries(labels).map(([name, value]) => `${name}="${value}"`),
  ].join(' ')
  const has_ = has === 'data' ? 'has data' : has === 'nothing' ? 'shows nothing' : undefined
  const moves_ = moves === 'no' ? 'does not move' : moves && `moves ${moves}${by === 0.2 ? '' : ` by ${percent(by)}`}`
  const text = [has_, moves_].filter(Boolean).join(' and ')
  return `${text}${which ? ` (${which})` : ''}${during ? ` during ${during}` : ''}`
}

function isChosen({ labels, name }: PanelSeries, { legend, labels: wanted }: PanelExpected): boolean {
  if (legend !== undefined && !matchesPattern(legend, name)) return false
  return Object.entries(wanted).every(([label, value]) => labels[label] === value)
}

interface Check {
  readonly ok: boolean
  readonly text: string
}

function judgeHas({ has }: PanelExpected, series: readonly PanelSeries[], window: readonly [number, number]): Check {
  if (has === undefined) return { ok: true, text: '' }
  const shown = count(series, window)
  const at = `${formatClock(window[0] / 1000)} to ${formatClock(window[1] / 1000)}`
  if (has === 'nothing') {
    return shown.points === 0
      ? { ok: true, text: `nothing from ${at}` }
      : { ok: false, text: `shows ${describeCount(shown)} from ${at}, expected nothing` }
  }
  if (shown.numbers === 0) {
    return { ok: false, text: shown.points > 0 ? `nothing but NaN from ${at}` : `no data from ${at}` }
  }
  for (const one of series) {
    const own = count([one], window)
    if (own.points === 0 || own.numbers * 2 >= own.points) continue
    return { ok: false, text: `${one.name} is NaN at ${own.points - own.numbers} of ${own.points} points from ${at}` }
  }
  return { ok: true, text: describeCount(shown) }
}

function judgeMoves({ moves, by }: PanelExpected, change: Move | undefined, seriesCount: number): Check {
  if (moves === undefined) return { ok: true, text: '' }
  if (!change) {
    const text = seriesCount === 0 ? 'no such series' : 'there is nothing to compare with before it'
    return { ok: false, text }
  }
  const seen = `${formatValue(change.before)} before, ${formatValue(change.during)} during (${change.name})`
  if (change.direction === moves) return { ok: true, text: seen }
  const wanted = moves === 'no' ? `less than ${percent(by)}` : `${moves} by ${percent(by)} or more`
  return { ok: false, text: `${seen}, expected ${wanted}` }
}

/** What is known about a query that nothing is expected of. */
function judgeUnasked(evaluation: TargetEvaluation, drill: Drill, context: PanelContext): PanelResult {
  const base = blank(evaluation)
  if (evaluation.notJudged !== undefined) {
    return { ...base, state: 'not judged', ok: true, detail: evaluation.notJudged }
  }
  const wrong = whatIsWrong(evaluation, context)
  if (wrong) return { ...base, ...wrong, ok: false }
  const shown = count(evaluation.series, [0, drill.lengthMs + 1])
  let best: Move | undefined
  for (const event of drill.events) {
    const during = [event.startMs, Math.min(event.endMs, drill.lengthMs)] as const
    const change = strongestMove(evaluation.series, during, drill, { moves: undefined, by: 0.2, noise: true })
    if (change && (!best || strength(change) > strength(best))) best = change
  }
  const state = shown.numbers > 0 ? ('data' as const) : ('empty' as const)
  return {
    ...base,
    state,
    ok: true,
    series: shown.series,
    points: shown.points,
    moves: best ? best.direction : null,
    before: best?.before ?? null,
    during: best?.during ?? null,
    detail:
      state === 'empty'
        ? shown.points > 0
          ? 'nothing but NaN'
          : 'no data'
        : `${describeCount(shown)}${best ? `; ${formatValue(best.before)} before, ${formatValue(best.during)} during (${best.name})` : ''}`,
  }
}

/** @returns what makes a query fail whatever is expected of it */
function whatIsWrong(
  evaluation: TargetEvaluation,
  { explainAbsent }: PanelContext,
): Pick<PanelResult, 'state' | 'detail'> | undefined {
  const { broken, failures } = evaluation
  if (broken !== undefined) return { state: 'error', detail: `${broken}: ${onOneLine(evaluation.target.expression)}` }
  if (failures.length > 0) {
    return { state: 'error', detail: `the query fails: ${failures[0]!.message}: ${onOneLine(evaluation.expression)}` }
  }
  const absent = explainAbsent(evaluation)
  if (absent === undefined) return undefined
  return { state: 'error', detail: `${neverAnyData}: ${absent}: ${onOneLine(evaluation.target.expression)}` }
}

function onOneLine(expression: string): string {
  return expression.trim().replaceAll(/\s+/g, ' ')
}

function blank({ dashboard, panel, target }: TargetEvaluation): PanelResult {
  return {
    dashboard: dashboard.uid,
    panel: panel.title,
    refId: target.refId,
    state: 'empty',
    expected: null,
    ok: false,
    series: 0,
    points: 0,
    moves: null,
    before: null,
    during: null,
    detail: '',
  }
}

interface Count {
  readonly series: number
  readonly points: number
  /** Points that are a number. */
  readonly numbers: number
}

/** A window ends before its last moment: when an event is over, what comes belongs to afterwards. */
function count(series: readonly PanelSeries[], [fromMs, toMs]: readonly [number, number]): Count {
  let shown = 0
  let points = 0
  let numbers = 0
  for (const { timesMs, values } of series) {
    const before = points
    for (let i = 0; i < timesMs.length; i += 1) {
      if (timesMs[i]! < fromMs || timesMs[i]! >= toMs) continue
      points += 1
      if (!Number.isNaN(values[i]!)) numbers += 1
    }
    if (points > before) shown += 1
  }
  return { series: shown, points, numbers }
}

function describeCount({ series, points }: Count): string {
  return `${series} series, ${countOf(points, 'point')}`
}

interface Move {
  readonly name: string
  /** Null: the series was not there. */
  readonly before: number | null
  readonly during: number | null
  readonly direction: 'up' | 'down' | 'no'
}

/** Series that appear later than that were not there from the start: where this happens by itself, it tells nothing. */
const warmUpMs = 180_000

/** The series that moves most, in the asked direction when one is asked for. */
function strongestMove(
  series: readonly PanelSeries[],
  [fromMs, toMs]: readonly [number, number],
  drill: Drill,
  { moves, by, noise = false }: Pick<PanelExpected, 'moves' | 'by'> & { readonly noise?: boolean },
): Move | undefined {
  const beforeMs = Math.max(0, 2 * fromMs - toMs, Math.min(drill.steady?.fromMs ?? 0, fromMs - 1))
  if (beforeMs >= fromMs) return undefined
  // Over all series: one that appears only during the event must be told from one that nobody could have seen before.
  const steps = new Set(series.flatMap(({ timesMs }) => timesMs.filter((ms) => ms >= fromMs && ms < toMs))).size
  const comesAndGoes = noise && series.some(({ timesMs }) => timesMs[0]! > warmUpMs && timesMs[0]! < fromMs)
  let best: Move | undefined
  for (const { name, timesMs, values } of series) {
    const before = numbersIn(timesMs, values, beforeMs, fromMs)
    const during = numbersIn(timesMs, values, fromMs, toMs)
    if (before.length === 0 && comesAndGoes) continue
    const change = compare(name, before, during, steps, by, noise ? (toMs - beforeMs) / 2 / (fromMs - beforeMs) : 0)
    if (!change) continue
    const isAsked = moves !== undefined && moves !== 'no' && change.direction === moves
    const bestIsAsked = best !== undefined && moves !== undefined && moves !== 'no' && best.direction === moves
    if (!best || (isAsked && !bestIsAsked) || (isAsked === bestIsAsked && strength(change) > strength(best)))
      best = change
  }
  return best
}

function numbersIn(timesMs: readonly number[], values: readonly number[], fromMs: number, toMs: number): number[] {
  return values.filter((value, i) => timesMs[i]! >= fromMs && timesMs[i]! < toMs && !Number.isNaN(value))
}

/**
 * @param ahead 0: the change alone counts. Else it must also leave the range in which most values lay before, and be more
 * than what went on as it did before: how far ahead the event lies, in lengths of the time before it
 */
function compare(
  name: string,
  before: readonly number[],
  during: readonly number[],
  steps: number,
  by: number,
  ahead: number,
): Move | undefined {
  if (before.length === 0 && during.length === 0) return undefined
  if (before.length === 0) {
    // It came with the event: a rise from nothing, when it stayed for a good part of it.
    const direction = during.length * 2 >= steps ? 'up' : 'no'
    return { name, before: null, during: median(during), direction }
  }
  if (during.length === 0) return { name, before: median(before), during: null, direction: 'down' }
  const was = median(before)
  const is = median(during)
  const isFar = is !== was && Math.abs(is - was) >= Math.abs(was) * by
  const goesOn = ahead > 0 && (isUsual(is, before) || isTrend(is, before, by, ahead))
  return { name, before: was, during: is, direction: isFar && !goesOn ? (is > was ? 'up' : 'down') : 'no' }
}

function isUsual(value: number, before: readonly number[]): boolean {
  return value >= quantile(before, 0.1) && value <= quantile(before, 0.9)
}

/** A counter of the last hour grows through a short drill, with or without a fault. */
function isTrend(value: number, before: readonly number[], by: number, ahead: number): boolean {
  const third = Math.floor(before.length / 3)
  if (third === 0) return false
  const first = median(before.slice(0, third))
  const last = median(before.slice(-third))
  // The medians of the first and the last third lie two thirds apart.
  const slope = (last - first) / (2 / 3)
  const expected = median(before) + slope * ahead
  return Math.abs(value - expected) <= Math.abs(expected) * by
}

/** How far something moved, as a share, so that the series that tells most is shown. */
function strength({ before, during, direction }: Move): number {
  if (before === null || during === null) return direction === 'no' ? 0 : Number.MAX_VALUE
  if (before === 0) return during === 0 ? 0 : Number.MAX_VALUE
  return Math.abs(during - before) / Math.abs(before) + (direction === 'no' ? 0 : 1)
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q * (sorted.length - 1)
  const low = sorted[Math.floor(at)]!
  const high = sorted[Math.ceil(at)]!
  // Of two infinities there is no difference.
  return low === high ? low : low + (high - low) * (at - Math.floor(at))
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`
}

function formatValue(value: number | null): string {
  return value === null ? 'nothing' : Number(value.toPrecision(3)).toString()
}
