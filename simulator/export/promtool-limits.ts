/**
 * What promtool can hold. `promtool test rules` ends a test when a query holds more samples than a fixed number, which no
 * flag changes (promql/promqltest/test.go, LazyLoader), where a server takes 50 million. Subqueries over an hour and more reach it.
 */
import { parseDurationMs } from '../../services/runtime/duration.ts'
import { childrenOf, type Expression, parseExpression } from '../alerts/expression-tree.ts'
import type { Rule, RuleGroup } from '../alerts/load-rules.ts'
import { defaultJudgeSettings, type Judge, QueryError } from '../judge/judge.ts'
import type { GridSeries } from './promtool-test.ts'

/** A little less than the 10,000 of promtool: what a query holds changes between the instants that are looked at. */
const samplesMax = 9_500
/** How many instants of a drill are looked at. */
const instants = 8

export interface HeldGroup {
  /** What is left of the group's series. */
  readonly series: readonly GridSeries[]
  /** Alerts that the test can't be about. */
  readonly leftOut: readonly { readonly alert: string; readonly why: string }[]
  /** Set when nothing of the group can be tested. */
  readonly why: string | undefined
}

/** Answers with a judge that holds these samples and nothing else; whoever made it closes it. */
export type JudgeOf = <T>(series: readonly GridSeries[], ask: (judge: Judge) => Promise<T>) => Promise<T>

/**
 * Leaves away what promtool can't hold: first counters that stand still all the time, then what only the rules read that
 * hold too much.
 * @param sameFile every group of the rule file: promtool evaluates all of them
 */
export async function fitIntoPromtool(
  group: RuleGroup,
  sameFile: readonly RuleGroup[],
  series: readonly GridSeries[],
  lengthMs: number,
  judgeOf: JudgeOf,
): Promise<HeldGroup> {
  const heavyOf = (rules: readonly Rule[], kept: readonly GridSeries[]) =>
    judgeOf(kept, (judge) => heaviest(rules, judge, lengthMs))
  const rules = sameFile.flatMap((one) => one.rules)
  let heavy = await heavyOf(rules, series)
  if (heavy.size === 0) return { series, leftOut: [], why: undefined }
  const read = metricsOf([...heavy.keys()])
  let kept = series.filter(({ labels, values }) => !(read.has(labels.__name__) && isStillCounter(labels, values)))
  heavy = await heavyOf([...heavy.keys()], kept)
  const leftOut = [...heavy].flatMap(([rule, samples]) =>
    group.rules.includes(rule) && rule.kind === 'alerting' ? [{ alert: rule.name, why: reason(samples) }] : [],
  )
  if (heavy.size > 0) {
    const others = metricsOf(group.rules.filter((rule) => !heavy.has(rule)))
    kept = kept.filter(({ labels }) => others.has(labels.__name__))
    heavy = await heavyOf([...heavy.keys()], kept)
  }
  const [first] = heavy
  return { series: kept, leftOut, why: first && `${first[0].name}: ${reason(first[1])}` }
}

function reason(samples: number): string {
  return `it holds about ${Math.round(samples / 1000)},000 samples in a query, promtool at most 10,000`
}

function metricsOf(rules: readonly Rule[]): Set<string | undefined> {
  return new Set(rules.flatMap(({ facts }) => facts.selectors.map(({ metric }) => metric)))
}

/** It says nothing to a rule that looks for rises; a gauge or `up` may be needed for what it is. */
function isStillCounter({ __name__: name = '' }: GridSeries['labels'], values: GridSeries['values']): boolean {
  const first = values.find((value) => typeof value === 'number')
  return name.endsWith('_total') && values.every((value) => value === undefined || value === first)
}

/** Rules that hold too much, and how many samples. */
async function heaviest(rules: readonly Rule[], judge: Judge, lengthMs: number): Promise<Map<Rule, number>> {
  const heavy = new Map<Rule, number>()
  for (const rule of rules) {
    const tree = parseExpression(rule.expression)
    if (!tree) continue
    for (let i = 1; i <= instants && !heavy.has(rule); i += 1) {
      const at = { judge, text: rule.expression, atMs: Math.floor((lengthMs * i) / instants) }
      const { peak } = await held(tree, nowOnly, at)
      if (peak > samplesMax) heavy.set(rule, peak)
    }
  }
  return heavy
}

interface Window {
  readonly rangeMs: number
  readonly stepMs: number
}

/**
 * Samples of a part of an expression in a window: of its result, and the most while it is worked out. The engine holds what
 * all operands gave until the result is there (promql/engine.go, rangeEval).
 */
async function held(
  part: Expression,
  window: Window,
  at: { judge: Judge; text: string; atMs: number },
): Promise<{ result: number; peak: number }> {
  if (part.kind === 'string') return { result: 0, peak: 0 }
  if (part.kind === 'subquery') {
    const { from } = part.rangePlace
    const range = at.text.slice(from, at.text.indexOf(']', from))
    const [lengthText = '', stepText = ''] = range.replaceAll(/\s/g, '').split(':')
    const stepMs = parseDurationMs(stepText) ?? defaultJudgeSettings.evaluationIntervalMs
    return held(part.of, { rangeMs: window.rangeMs + (parseDurationMs(lengthText) ?? 0), stepMs }, at)
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

const nowOnly: Window = { rangeMs: 0, stepMs: 1 }

/** All that an expression gives in the window. What Prometheus refuses gives nothing, there as here. */
async function valuesOf(
  expression: string,
  { rangeMs, stepMs }: Window,
  { judge, atMs }: { judge: Judge; atMs: number },
): Promise<number[]> {
  const endMs = Math.floor(atMs / stepMs) * stepMs
  const startMs = Math.max(0, (Math.floor((atMs - rangeMs) / stepMs) + 1) * stepMs)
  try {
    const series = await judge.queryRange({ expression, startMs: Math.min(startMs, endMs), endMs, stepMs })
    return series.flatMap(({ values }) => values)
  } catch (error) {
    if (error instanceof QueryError && !error.limited) return []
    throw error
  }
}
