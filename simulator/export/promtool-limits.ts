/**
 * What promtool can hold. `promtool test rules` ends a test when a query holds more samples than a fixed number, which no
 * flag changes (promql/promqltest/test.go, LazyLoader), where a server takes 50 million. Subqueries over an hour and more reach it.
 */
import { alertsReading } from '../alerts/dependencies.ts'
import {
  childrenOf,
  type Expression,
  parseExpression,
  type SubqueryExpression,
  textAt,
} from '../alerts/expression-tree.ts'
import type { Rule, RuleGroup } from '../alerts/load-rules.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import { type Judge, QueryError } from '../judge/judge.ts'
import { type AlertCase, type GridSeries, judgeGroup, toSamples } from './promtool-test.ts'

/** A little less than the 10,000 of promtool: what a query holds changes between the instants that are looked at. */
const samplesMax = 9_500
/** How many instants of a drill are looked at. */
const instants = 8

export interface HeldGroup {
  /** What is left of the group's series. */
  readonly series: readonly GridSeries[]
  /** Alerts that the test can't be about. */
  readonly leftOut: readonly { readonly alert: string; readonly why: string }[]
  /** Series left away that alerts of the test read: counters that stand still for the whole drill. */
  readonly stillCounters: number
  /** Set when nothing of the group can be tested. */
  readonly why: string | undefined
}

export interface FitOptions {
  readonly engine: Engine
  readonly lengthMs: number
  readonly halfMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
}

/**
 * Leaves away what promtool can't hold: first counters that stand still all the time and that only rules read that hold too
 * much, as long as the alerts say the same without them; then those rules, every alert that reads their results, and the
 * series that only they read.
 * @param sameFile every group of the rule file: promtool evaluates all of them, at the interval of this one
 */
export async function fitIntoPromtool(
  group: RuleGroup,
  sameFile: readonly RuleGroup[],
  series: readonly GridSeries[],
  options: FitOptions,
): Promise<HeldGroup> {
  const rules = sameFile.flatMap((one) => one.rules)
  const heavyOf = (kept: readonly GridSeries[]) => heaviest(rules, group.intervalMs, kept, options)
  const whole = await heavyOf(series)
  if (whole.size === 0) return { series, leftOut: [], stillCounters: 0, why: undefined }
  const readByLight = readBy(group.rules.filter((rule) => !whole.has(rule)))
  const moving = series.filter((one) => readByLight(one) || !isStillCounter(one))
  const heavy = moving.length < series.length ? await heavyOf(moving) : whole
  const changed = moving.length < series.length ? await changedAlerts(group, series, moving, options) : new Set()
  const reasons = new Map<Rule, string>()
  for (const rule of group.rules) {
    if (rule.kind === 'alerting' && changed.has(rule.name)) reasons.set(rule, needsStillCounters)
  }
  for (const [rule, samples] of heavy) reasons.set(rule, `it ${holds(samples)}`)
  const leftOut = leftOutAlerts(group, sameFile, reasons)
  const isWanted = readBy(group.rules.filter((rule) => !reasons.has(rule)))
  const kept = moving.filter(isWanted)
  const result = { series: kept, leftOut, stillCounters: series.filter(isWanted).length - kept.length }
  const names = new Set(leftOut.map(({ alert }) => alert))
  if (group.rules.every(({ kind, name }) => kind === 'recording' || names.has(name))) {
    return { ...result, why: leftOut.map(({ alert, why }) => `${alert}: ${why}`).join('; ') }
  }
  // All of them again: without some series others of a query may pass that these kept back.
  const [first] = await heavyOf(kept)
  return { ...result, why: first && `${first[0].name}: it ${holds(first[1])}` }
}

/** Alerts of the group that hold too much or read what does, each once. */
function leftOutAlerts(
  group: RuleGroup,
  sameFile: readonly RuleGroup[],
  reasons: ReadonlyMap<Rule, string>,
): HeldGroup['leftOut'] {
  const whyOf = new Map<string, string>()
  for (const rule of group.rules) {
    const why = reasons.get(rule)
    if (why !== undefined && rule.kind === 'alerting' && !whyOf.has(rule.name)) whyOf.set(rule.name, why)
  }
  const own = new Set(group.rules.filter(({ kind }) => kind === 'alerting').map(({ name }) => name))
  for (const [rule, why] of reasons) {
    for (const name of alertsReading(rule, sameFile)) {
      if (own.has(name) && !whyOf.has(name)) whyOf.set(name, `it reads ${rule.name}, and of that: ${why}`)
    }
  }
  return [...whyOf].map(([alert, why]) => ({ alert, why }))
}

function holds(samples: number): string {
  // The judge gave up at a limit of its own, which is far beyond that of promtool.
  if (samples === Number.POSITIVE_INFINITY) {
    return 'holds more in a query than the judge itself can, promtool at most 10,000 samples'
  }
  const about = (Math.round(samples / 1000) * 1000).toLocaleString('en-US')
  return `holds about ${about} samples in a query, promtool at most 10,000`
}

const needsStillCounters =
  'it says something else without counters that stand still, and promtool holds at most 10,000 samples in a query'

/** Whether one of the rules may select a series, by the metric name. */
function readBy(rules: readonly Rule[]): (series: GridSeries) => boolean {
  const metrics = new Set(rules.flatMap(({ facts }) => facts.selectors.map(({ metric }) => metric)))
  return ({ labels }) => metrics.has(undefined) || metrics.has(labels.__name__)
}

/** It says nothing to a rule that looks for rises; a gauge or `up` may be needed for what it is. */
function isStillCounter({ labels: { __name__: name = '' }, values }: GridSeries): boolean {
  const first = values.find((value) => typeof value === 'number')
  return name.endsWith('_total') && values.every((value) => value === undefined || value === first)
}

/** Names of the alerts of which a test on the second series would expect something else. */
async function changedAlerts(
  group: RuleGroup,
  whole: readonly GridSeries[],
  part: readonly GridSeries[],
  options: FitOptions,
): Promise<Set<string>> {
  const expected = (series: readonly GridSeries[]) =>
    withJudge(group.intervalMs, options, (judge) =>
      judgeGroup(group, { ...options, series, leftOut: [], judge, drill: options }),
    )
  const before = await expected(whole)
  const after = await expected(part)
  const of = (cases: readonly AlertCase[], name: string) =>
    JSON.stringify(cases.filter(({ alertname }) => alertname === name))
  const names = before.map(({ alertname }) => alertname)
  return new Set(names.filter((name) => of(before, name) !== of(after, name)))
}

async function withJudge<T>(
  evaluationIntervalMs: number,
  { engine }: FitOptions,
  ask: (judge: Judge) => Promise<T>,
): Promise<T> {
  const judge = createEmbeddedJudge(engine, { evaluationIntervalMs })
  try {
    return await ask(judge)
  } finally {
    await judge.close()
  }
}

/** Rules that hold too much, and how many samples; infinity: more than the judge can. */
async function heaviest(
  rules: readonly Rule[],
  intervalMs: number,
  series: readonly GridSeries[],
  options: FitOptions,
): Promise<Map<Rule, number>> {
  const { engine, lengthMs, halfMs } = options
  return withJudge(intervalMs, options, async (judge) => {
    await judge.append(toSamples(series, halfMs))
    const heavy = new Map<Rule, number>()
    for (const rule of rules) {
      const tree = parseExpression(rule.expression)
      if (!tree) continue
      for (let i = 1; i <= instants && !heavy.has(rule); i += 1) {
        const atMs = Math.floor((lengthMs * i) / instants)
        const peak = await peakOf(tree, { judge, engine, intervalMs, text: rule.expression, atMs })
        if (peak > samplesMax) heavy.set(rule, peak)
      }
    }
    return heavy
  })
}

interface Instant {
  readonly judge: Judge
  readonly engine: Engine
  /** The step of subqueries that state none. */
  readonly intervalMs: number
  readonly text: string
  readonly atMs: number
}

async function peakOf(tree: Expression, at: Instant): Promise<number> {
  try {
    return (await held(tree, nowOnly, at)).peak
  } catch (error) {
    if (error instanceof QueryError && error.limited) return Number.POSITIVE_INFINITY
    throw error
  }
}

interface Window {
  readonly rangeMs: number
  readonly stepMs: number
}

/**
 * Samples of a part of an expression in a window: of its result, and the most while it is worked out. The engine holds what
 * all operands gave until the result is there (promql/engine.go, rangeEval).
 */
async function held(part: Expression, window: Window, at: Instant): Promise<{ result: number; peak: number }> {
  if (part.kind === 'string') return { result: 0, peak: 0 }
  if (part.kind === 'subquery') {
    const { of, inner, atMs } = subqueryWindow(part, window, at)
    return held(of, inner, { ...at, atMs })
  }
  const text = at.text.slice(part.place.from, part.place.to)
  if (part.kind === 'selector' && part.rangeMs > 0) {
    // The range of one series after the other.
    const [most = 0] = await valuesOf(`max(count_over_time(${text}))`, nowOnly, at)
    return { result: 0, peak: most }
  }
  let before = 0
  let peak = 0
  for (const child of childrenOf(part)) {
    const one = await held(child, window, at)
    peak = Math.max(peak, before + one.peak)
    before += one.result
  }
  const { length: result } = await valuesOf(text, window, at)
  return { result, peak: Math.max(peak, before + result) }
}

/** What a subquery looks at: its range and step, and where its own `offset` and `@` lay the end. */
function subqueryWindow(
  { of, rangePlace: { from }, shifts }: SubqueryExpression,
  window: Window,
  at: Instant,
): { of: Expression; inner: Window; atMs: number } {
  const durationMs = (text: string) =>
    Number.isFinite(Number(text)) ? Number(text) * 1000 : at.engine.parseDuration(text)
  const range = at.text.slice(from, at.text.indexOf(']', from)).replaceAll(/#.*|\s/g, '')
  const [lengthText = '', stepText = ''] = range.split(':')
  const stepMs = stepText === '' ? at.intervalMs : durationMs(stepText)
  let { atMs } = at
  let { rangeMs } = window
  for (const { kind, place } of shifts) {
    const [, sign, amount = ''] = /^(?:offset|@)\s*([+-]?)\s*(.*)$/is.exec(textAt(at.text, place)) ?? []
    const ms = /^(start|end)\b/i.test(amount) ? undefined : (sign === '-' ? -1 : 1) * durationMs(amount.trim())
    if (kind === 'offset') atMs -= ms ?? 0
    else {
      // It lies at one time, whatever window it stands in.
      atMs = ms ?? atMs
      rangeMs = 0
    }
  }
  return { of, inner: { rangeMs: rangeMs + durationMs(lengthText), stepMs }, atMs }
}

const nowOnly: Window = { rangeMs: 0, stepMs: 1 }

/** All that an expression gives in the window. What Prometheus refuses gives nothing, there as here. */
async function valuesOf(expression: string, { rangeMs, stepMs }: Window, { judge, atMs }: Instant): Promise<number[]> {
  const endMs = Math.floor(atMs / stepMs) * stepMs
  if (endMs < 0) return []
  const startMs = Math.max(0, (Math.floor((atMs - rangeMs) / stepMs) + 1) * stepMs)
  try {
    const series = await judge.queryRange({ expression, startMs: Math.min(startMs, endMs), endMs, stepMs })
    return series.flatMap(({ values }) => values)
  } catch (error) {
    if (error instanceof QueryError && !error.limited) return []
    throw error
  }
}
