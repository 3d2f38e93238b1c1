/**
 * Asks the judge for the operands of rules while a drill runs, window by window, on a grid that is coarse enough to draw
 * and to hold: the store forgets samples, this keeps what a report needs.
 */
import type { Rule, RuleGroup } from '../alerts/load-rules.ts'
import type { DrillObserver } from '../drill/drill-observer.ts'
import { type Judge, type Labels, QueryError } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type Operand, type OperandPlan, planOperands } from './operands.ts'

export interface OperandObserverOptions {
  readonly rules: readonly {
    readonly rule: Rule
    readonly group: RuleGroup
    readonly detail: 'signals' | 'everything'
  }[]
  /** Who knows the results that the rule reads. */
  readonly judgeOf: (rule: Rule) => Judge
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  readonly lengthMs: number
  /** Told what is about to be asked, in case that it never ends. */
  readonly onActivity?: ((what: string) => void) | undefined
}

/** What an operand was over the drill. */
export interface RecordedOperand extends Operand {
  readonly series: readonly OperandSeries[]
  /** Series that were seen; more than are kept, when there are very many. */
  readonly seriesCount: number
  /** Prometheus's message, when it could not be evaluated. */
  readonly error: string | undefined
}

export interface OperandSeries {
  readonly labels: Labels
  /** Seconds since the start of the drill. */
  readonly timesS: readonly number[]
  readonly values: readonly number[]
}

export interface RecordedRule {
  readonly rule: Rule
  readonly plan: OperandPlan
  readonly operands: readonly RecordedOperand[]
  readonly stepS: number
}

/** Series of one operand beyond these are counted, not kept. */
const seriesMax = 100
const pointsMax = 400
const stepsS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]

export class OperandObserver implements DrillObserver {
  readonly #options: OperandObserverOptions
  readonly #rules: { rule: Rule; group: RuleGroup; plan: OperandPlan; columns: Column[] }[]
  readonly #stepMs: number
  #nextMs = 0

  constructor(options: OperandObserverOptions) {
    this.#options = options
    this.#stepMs = gridStepMs(options.lengthMs)
    this.#rules = options.rules.map(({ rule, group, detail }) => {
      const plan = planOperands(rule.expression, detail)
      return { rule, group, plan, columns: plan.operands.map(() => ({ series: new Map(), error: undefined })) }
    })
  }

  get lookbackMs(): number {
    return Math.max(0, ...this.#rules.map(({ rule }) => rule.facts.lookbackMs))
  }

  async append(): Promise<void> {}

  async advance(toMs: number): Promise<void> {
    const firstMs = this.#nextMs
    if (toMs < firstMs) return
    const steps = Math.floor((toMs - firstMs) / this.#stepMs)
    this.#nextMs = firstMs + (steps + 1) * this.#stepMs
    const lastMs = firstMs + steps * this.#stepMs
    for (const { rule, group, plan, columns } of this.#rules) {
      const judge = this.#options.judgeOf(rule)
      const shiftMs = this.#options.startMs - group.queryOffsetMs
      for (const [i, { text }] of plan.operands.entries()) {
        this.#options.onActivity?.(`operands of ${rule.name} (${rule.place})`)
        const window = { startMs: shiftMs + firstMs, endMs: shiftMs + lastMs, stepMs: this.#stepMs }
        await record(judge, text, window, shiftMs, columns[i]!)
      }
    }
  }

  results(): RecordedRule[] {
    return this.#rules.map(({ rule, plan, columns }) => ({
      rule,
      plan,
      stepS: this.#stepMs / 1000,
      operands: plan.operands.map((operand, i) => {
        const { series, error } = columns[i]!
        return { ...operand, series: [...series.values()].flatMap((one) => one ?? []), seriesCount: series.size, error }
      }),
    }))
  }

  async close(): Promise<void> {}
}

/**
 * Rules whose operands are worth the queries: with a report all of them, and those that the scenario names in full;
 * without, what is compared by alerts that should be active, for a line when they are not.
 */
export function rulesToRecord(
  drill: Pick<Drill, 'expect'>,
  groups: readonly RuleGroup[],
  wantsReport: boolean,
  alsoExplain: readonly string[] = [],
): OperandObserverOptions['rules'] {
  return groups.flatMap((group) =>
    group.rules.flatMap((rule) => {
      if (rule.kind !== 'alerting') return []
      const kind = drill.expect.alerts[rule.name]?.kind
      const isNamed = (kind !== undefined && kind !== 'may') || alsoExplain.includes(rule.name)
      if (!wantsReport && kind !== 'fires' && kind !== 'pending-only') return []
      return { rule, group, detail: wantsReport && isNamed ? ('everything' as const) : ('signals' as const) }
    }),
  )
}

/** A step that people know, so that about `pointsMax` points fill the drill. */
export function gridStepMs(lengthMs: number): number {
  const stepS = stepsS.find((step) => lengthMs / 1000 / step <= pointsMax)
  return (stepS ?? Math.ceil(lengthMs / pointsMax / 3_600_000) * 3600) * 1000
}

interface Column {
  readonly series: Map<string, { labels: Labels; timesS: number[]; values: number[] } | undefined>
  error: string | undefined
}

async function record(
  judge: Judge,
  expression: string,
  window: { startMs: number; endMs: number; stepMs: number },
  shiftMs: number,
  column: Column,
): Promise<void> {
  try {
    for (const { labels, timesMs, values } of await judge.queryRange({ expression, ...window })) {
      const key = JSON.stringify(labels)
      if (!column.series.has(key)) {
        const kept = column.series.size < seriesMax ? { labels, timesS: [], values: [] } : undefined
        column.series.set(key, kept)
      }
      const series = column.series.get(key)
      if (!series) continue
      for (let i = 0; i < timesMs.length; i += 1) {
        series.timesS.push((timesMs[i]! - shiftMs) / 1000)
        series.values.push(values[i]!)
      }
    }
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    column.error ??= error.message
  }
}
