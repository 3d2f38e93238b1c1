/**
 * Evaluates rules over a drill as a server would, for every offset that a group may have inside its interval: each
 * expression once by range query on a grid that holds all offsets, then the alert states are stepped for each offset.
 */
import type { DrillObserver } from '../drill/drill-observer.ts'
import { type Judge, type Labels, QueryError, type RangeSeries, type SeriesSamples } from '../judge/judge.ts'
import { type ActiveAlerts, type AlertSample, stepAlerts } from './alert-state.ts'
import { planRules } from './dependencies.ts'
import type { Rule, RuleGroup } from './load-rules.ts'
import { hasTemplate, renderLabels, type TextContext } from './texts.ts'

export interface AlertEvaluationOptions {
  readonly judge: Judge
  readonly groups: readonly RuleGroup[]
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  /** Evaluations take place on multiples of this. */
  readonly latticeMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  /**
   * Set when somebody outside (a panel) looks at results of rules; tells whether at those of a recording rule that no
   * rule reads.
   */
  readonly isShown?: (recorded: string) => boolean
}

/** What one rule did. Times are milliseconds since the start of the drill. */
export interface RuleEvaluation {
  readonly rule: Rule
  readonly group: RuleGroup
  /** Undefined: judged. */
  readonly notJudged: string | undefined
  readonly offsets: readonly OffsetEvaluation[]
  /** Whether the expression ever gave a value. */
  readonly everTrue: boolean
  readonly failures: readonly { readonly atMs: number; readonly message: string }[]
}

export interface OffsetEvaluation {
  readonly offsetMs: number
  readonly episodes: readonly Episode[]
}

/** One stay of an alert outside of inactive. */
export interface Episode {
  readonly key: string
  readonly labels: Labels
  readonly pendingAtMs: number
  firingAtMs: number | undefined
  resolvedAtMs: number | undefined
  /** The text as it was sent, where a real Alertmanager sent it. */
  readonly annotations?: Labels
  /** What the text is made of: the sample when it became firing. */
  sampleLabels: Labels
  value: number
}

/** More rule offsets than this at once would need too many stores; then they are spread over the interval. */
const assignmentsMax = 12

export async function createAlertEvaluation(options: AlertEvaluationOptions): Promise<AlertEvaluation> {
  const plan = planRules(options.groups)
  const assignments: Assignment[] = []
  if (plan.ordered.length > 0) {
    const groups = [...new Set(plan.ordered.map(({ group }) => group))]
    const most = Math.max(...groups.map(({ intervalMs }) => Math.max(1, Math.floor(intervalMs / options.latticeMs))))
    const count = Math.min(most, assignmentsMax)
    for (let i = 0; i < count; i += 1) {
      const offsets = new Map(
        groups.map((group, position) => {
          const steps = Math.max(1, Math.floor(group.intervalMs / options.latticeMs))
          // Turned against each other, so that not all groups evaluate at the same time in each assignment.
          return [group, ((Math.floor((i * steps) / count) + position) % steps) * options.latticeMs]
        }),
      )
      assignments.push({ judge: await options.judge.fork(), offsets })
    }
  }
  return new AlertEvaluation(options, plan, assignments)
}

interface Assignment {
  readonly judge: Judge
  readonly offsets: ReadonlyMap<RuleGroup, number>
}

export class AlertEvaluation implements DrillObserver {
  readonly #options: AlertEvaluationOptions
  readonly #assignments: readonly Assignment[]
  readonly #independent: { run: RuleRun; writer: ResultWriter }[]
  readonly #chains: { assignment: Assignment; runs: { run: RuleRun; offsetMs: number; writer: ResultWriter }[] }[]
  readonly #unordered: RuleEvaluation[]
  /** What the rules gave in one assignment of offsets, until somebody takes it. */
  #results: SeriesSamples[] = []
  /** First time of the grid that is not evaluated yet. */
  #nextMs = 0

  constructor(options: AlertEvaluationOptions, plan: ReturnType<typeof planRules>, assignments: readonly Assignment[]) {
    this.#options = options
    this.#assignments = assignments
    const text = { judge: options.judge, externalLabels: options.externalLabels, externalUrl: options.externalUrl }
    this.#independent = plan.independent
      .filter(({ rule }) => rule.kind === 'alerting' || options.isShown?.(rule.name))
      .map(({ rule, group }) => {
        const offsets = rule.kind === 'alerting' ? everyOffset(group, options.latticeMs) : [0]
        return { run: new RuleRun(rule, group, offsets, text), writer: new ResultWriter(rule, options.startMs) }
      })
    this.#chains = assignments.map((assignment) => ({
      assignment,
      runs: plan.ordered.map(({ rule, group }) => {
        const offsetMs = assignment.offsets.get(group)!
        const run = new RuleRun(rule, group, [offsetMs], { ...text, judge: assignment.judge })
        return { run, offsetMs, writer: new ResultWriter(rule, options.startMs) }
      }),
    }))
    this.#unordered = plan.unordered.map(({ rule, reason }) => ({
      rule,
      group: options.groups.find(({ rules }) => rules.includes(rule))!,
      notJudged: reason,
      offsets: [],
      everTrue: false,
      failures: [],
    }))
  }

  /** Samples that were given to the judge; rules that feed rules need them in stores of their own. */
  async append(batch: readonly SeriesSamples[]): Promise<void> {
    for (const { judge } of this.#assignments) await judge.append(batch)
  }

  /** Who knows everything that a rule reads: for rules that read other rules, one of the stores with their results. */
  judgeOf(rule: Rule): Judge {
    const chain = this.#chains.find(({ runs }) => runs.some(({ run }) => run.rule === rule))
    return chain?.assignment.judge ?? this.#options.judge
  }

  /** How far back the judge must still know samples, milliseconds. */
  get lookbackMs(): number {
    const all = this.#options.groups.flatMap(({ rules }) => rules.map(({ facts }) => facts.lookbackMs))
    return Math.max(0, ...all)
  }

  /** Evaluates up to and including `toMs` (since the start of the drill). All samples up to then must have been appended. */
  async advance(toMs: number): Promise<void> {
    const { startMs, latticeMs, judge } = this.#options
    const isShown = this.#options.isShown !== undefined
    const sinceMs = this.#nextMs
    if (toMs < sinceMs) return
    this.#nextMs = sinceMs + (Math.floor((toMs - sinceMs) / latticeMs) + 1) * latticeMs
    const window = { firstMs: sinceMs, toMs, stepMs: latticeMs, startMs }
    for (const { run, writer } of this.#independent) {
      if (run.rule.kind === 'alerting') await run.advance(judge, window, isShown ? writer : undefined)
      else await this.#record(run, writer, 0, judge, sinceMs, toMs)
      this.#results.push(...writer.take())
    }
    for (const { assignment, runs } of this.#chains) {
      for (const { run, offsetMs, writer } of runs) {
        await this.#record(run, writer, offsetMs, assignment.judge, sinceMs, toMs)
        const written = writer.take()
        await assignment.judge.append(written)
        if (isShown && assignment === this.#assignments[0]) this.#results.push(...written)
      }
    }
  }

  /** The group's own evaluations only: what it gives is written back. */
  async #record(
    run: RuleRun,
    writer: ResultWriter,
    offsetMs: number,
    judge: Judge,
    sinceMs: number,
    toMs: number,
  ): Promise<void> {
    const { intervalMs } = run.group
    const firstMs = offsetMs + Math.ceil(Math.max(0, sinceMs - offsetMs) / intervalMs) * intervalMs
    if (firstMs > toMs) return
    const own = { firstMs, toMs, stepMs: intervalMs, startMs: this.#options.startMs }
    const results = await run.advance(judge, own, writer)
    if (run.rule.kind === 'recording') writer.record(results, firstMs, toMs, intervalMs)
  }

  /**
   * ALERTS, ALERTS_FOR_STATE and recorded series since the last time, as one server would have written them: with the
   * first of the offsets of each group.
   */
  takeResults(): SeriesSamples[] {
    const results = this.#results
    this.#results = []
    return results
  }

  /** What every rule did, in the order of the files. */
  results(): RuleEvaluation[] {
    const independent = this.#independent
      .filter(({ run }) => run.rule.kind === 'alerting')
      .map(({ run }) => run.result())
    const chained = new Map<Rule, RuleEvaluation>()
    for (const { runs } of this.#chains) {
      for (const { run } of runs) {
        if (run.rule.kind !== 'alerting') continue
        const result = run.result()
        const before = chained.get(run.rule)
        chained.set(run.rule, before ? joinEvaluations(before, result) : result)
      }
    }
    return [
      ...independent,
      ...chained.values(),
      ...this.#unordered.filter(({ rule }) => rule.kind === 'alerting'),
    ].sort((a, b) => a.rule.index - b.rule.index)
  }

  async close(): Promise<void> {
    for (const { judge } of this.#assignments) await judge.close()
  }
}

function everyOffset(group: RuleGroup, latticeMs: number): number[] {
  const steps = Math.max(1, Math.floor(group.intervalMs / latticeMs))
  return Array.from({ length: steps }, (_, i) => i * latticeMs)
}

function joinEvaluations(a: RuleEvaluation, b: RuleEvaluation): RuleEvaluation {
  return {
    ...a,
    offsets: [...a.offsets, ...b.offsets],
    everTrue: a.everTrue || b.everTrue,
    failures: [...a.failures, ...b.failures],
  }
}

interface Window {
  /** Both inclusive. */
  readonly firstMs: number
  readonly toMs: number
  readonly stepMs: number
  readonly startMs: number
}

interface OffsetRun {
  readonly offsetMs: number
  active: ActiveAlerts
  readonly open: Map<string, Episode>
  readonly episodes: Episode[]
}

/** One rule with the states of its alerts at each offset. */
class RuleRun {
  readonly rule: Rule
  readonly group: RuleGroup
  readonly #text: TextContext
  readonly #templated: boolean
  readonly #offsets: OffsetRun[]
  readonly #failures: { atMs: number; message: string }[] = []
  readonly #samples = new Map<string, { key: string; labels: Labels }>()
  #everTrue = false

  constructor(rule: Rule, group: RuleGroup, offsetsMs: readonly number[], text: TextContext) {
    this.rule = rule
    this.group = group
    this.#text = text
    this.#templated = Object.values(rule.labels).some(hasTemplate)
    this.#offsets = offsetsMs.map((offsetMs) => ({ offsetMs, active: new Map(), open: new Map(), episodes: [] }))
  }

  async advance(judge: Judge, window: Window, writer?: ResultWriter): Promise<readonly RangeSeries[]> {
    const { series, failed } = await this.#evaluate(judge, window)
    if (this.rule.kind === 'recording') return series
    const byTime = await this.#samplesByTime(series, window.startMs)
    if (byTime.size > 0) this.#everTrue = true
    // Only one offset can be written down: a server has only one.
    for (const [i, offset] of this.#offsets.entries()) {
      this.#step(offset, byTime, failed, window, i === 0 ? writer : undefined)
    }
    return series
  }

  async #evaluate(
    judge: Judge,
    { firstMs, toMs, stepMs, startMs }: Window,
  ): Promise<{ series: readonly RangeSeries[]; failed: ReadonlyMap<number, string> }> {
    const { expression } = this.rule
    const { queryOffsetMs } = this.group
    const lastMs = firstMs + Math.floor((toMs - firstMs) / stepMs) * stepMs
    try {
      const series = await judge.queryRange({
        expression,
        startMs: startMs + firstMs - queryOffsetMs,
        endMs: startMs + lastMs - queryOffsetMs,
        stepMs,
      })
      return { series: shift(series, queryOffsetMs), failed: new Map() }
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      return this.#evaluateStepByStep(judge, firstMs, lastMs, stepMs, startMs)
    }
  }

  /** One failing instant makes a range query fail as a whole; a server would only miss that one evaluation. */
  async #evaluateStepByStep(judge: Judge, firstMs: number, lastMs: number, stepMs: number, startMs: number) {
    const failed = new Map<number, string>()
    const columns = new Map<string, { labels: Labels; timesMs: number[]; values: number[] }>()
    for (let atMs = firstMs; atMs <= lastMs; atMs += stepMs) {
      try {
        const result = await judge.query(this.rule.expression, startMs + atMs - this.group.queryOffsetMs)
        const samples =
          result.type === 'vector'
            ? result.samples
            : result.type === 'scalar'
              ? [{ labels: {}, value: result.value }]
              : []
        for (const { labels, value } of samples) {
          const key = keyOf(labels)
          const column = columns.get(key) ?? { labels, timesMs: [], values: [] }
          columns.set(key, column)
          column.timesMs.push(startMs + atMs)
          column.values.push(value)
        }
      } catch (error) {
        if (!(error instanceof QueryError)) throw error
        failed.set(atMs, error.message)
      }
    }
    return { series: [...columns.values()], failed }
  }

  /** Results by time (since the start of the drill); times without a result are absent. */
  async #samplesByTime(series: readonly RangeSeries[], startMs: number): Promise<Map<number, AlertSample[]>> {
    const byTime = new Map<number, AlertSample[]>()
    for (const { labels, timesMs, values } of series) {
      for (let i = 0; i < timesMs.length; i += 1) {
        const atMs = timesMs[i]! - startMs
        const value = values[i]!
        const { key, labels: alertLabels } = await this.#alertOf(labels, value, timesMs[i]!)
        const sample = { key, labels: alertLabels, sampleLabels: labels, value }
        const list = byTime.get(atMs)
        if (list) list.push(sample)
        else byTime.set(atMs, [sample])
      }
    }
    return byTime
  }

  async #alertOf(sampleLabels: Labels, value: number, timeMs: number): Promise<{ key: string; labels: Labels }> {
    // Only a template can make the labels depend on the value.
    const cacheKey = this.#templated ? `${keyOf(sampleLabels)} ${value}` : keyOf(sampleLabels)
    let alert = this.#samples.get(cacheKey)
    if (!alert) {
      const { __name__: _, ...rest } = sampleLabels
      const own = this.#templated
        ? await renderLabels(this.rule, sampleLabels, value, timeMs, this.#text)
        : this.rule.labels
      const labels = withoutEmpty({ ...rest, ...own, alertname: this.rule.name })
      alert = { key: keyOf(labels), labels }
      this.#samples.set(cacheKey, alert)
    }
    return alert
  }

  #step(
    offset: OffsetRun,
    byTime: ReadonlyMap<number, AlertSample[]>,
    failed: ReadonlyMap<number, string>,
    window: Window,
    writer: ResultWriter | undefined,
  ): void {
    const { intervalMs, limit } = this.group
    const { forMs, keepFiringForMs } = this.rule
    const skipped = Math.max(0, Math.ceil((window.firstMs - offset.offsetMs) / intervalMs))
    for (let atMs = offset.offsetMs + skipped * intervalMs; atMs <= window.toMs; atMs += intervalMs) {
      const failure = failed.get(atMs)
      if (failure !== undefined) {
        this.#failures.push({ atMs, message: failure })
        continue
      }
      const samples = byTime.get(atMs) ?? noSamples
      if (samples.length === 0 && offset.active.size === 0) {
        writer?.alerts(offset.active, atMs)
        continue
      }
      const step = stepAlerts(offset.active, samples, atMs, { forMs, keepFiringForMs, limit })
      if (step.error !== undefined) this.#failures.push({ atMs, message: step.error })
      offset.active = step.active
      for (const key of step.ended) {
        offset.open.get(key)!.resolvedAtMs = atMs
        offset.open.delete(key)
      }
      for (const key of step.started) {
        const { labels, sampleLabels, value } = step.active.get(key)!
        const episode: Episode = {
          key,
          labels,
          pendingAtMs: atMs,
          firingAtMs: undefined,
          resolvedAtMs: undefined,
          sampleLabels,
          value,
        }
        offset.open.set(key, episode)
        offset.episodes.push(episode)
      }
      for (const key of step.fired) {
        const { sampleLabels, value } = step.active.get(key)!
        const episode = offset.open.get(key)!
        episode.firingAtMs = atMs
        episode.sampleLabels = sampleLabels
        episode.value = value
      }
      writer?.alerts(offset.active, atMs)
    }
  }

  result(): RuleEvaluation {
    return {
      rule: this.rule,
      group: this.group,
      notJudged: undefined,
      offsets: this.#offsets.map(({ offsetMs, episodes }) => ({ offsetMs, episodes })),
      everTrue: this.#everTrue,
      failures: this.#failures,
    }
  }
}

const noSamples: readonly AlertSample[] = []

/** Turns results of rules into samples for the rules behind them: values, and a stale marker where a series ends. */
class ResultWriter {
  readonly #rule: Rule
  readonly #startMs: number
  #columns = new Map<string, { labels: Labels; timesMs: number[]; values: number[]; stale: number[] }>()
  #present = new Map<string, Labels>()

  constructor(rule: Rule, startMs: number) {
    this.#rule = rule
    this.#startMs = startMs
  }

  /** Results of a recording rule. */
  record(series: readonly RangeSeries[], firstMs: number, toMs: number, intervalMs: number): void {
    const byTime = new Map<number, Map<string, { labels: Labels; value: number }>>()
    for (const { labels, timesMs, values } of series) {
      const { __name__: _, ...rest } = labels
      const recorded = { ...withoutEmpty({ ...rest, ...this.#rule.labels }), __name__: this.#rule.name }
      const key = keyOf(recorded)
      for (let i = 0; i < timesMs.length; i += 1) {
        const atMs = timesMs[i]! - this.#startMs
        const at = byTime.get(atMs) ?? new Map()
        byTime.set(atMs, at)
        at.set(key, { labels: recorded, value: values[i]! })
      }
    }
    for (let atMs = firstMs; atMs <= toMs; atMs += intervalMs) this.#write(atMs, byTime.get(atMs) ?? new Map())
  }

  /** ALERTS and ALERTS_FOR_STATE of an alerting rule, after one evaluation. */
  alerts(active: ActiveAlerts, atMs: number): void {
    const now = new Map<string, { labels: Labels; value: number }>()
    for (const { labels, phase, activeAtMs } of active.values()) {
      const state = { ...labels, __name__: 'ALERTS', alertstate: phase }
      now.set(keyOf(state), { labels: state, value: 1 })
      const forState = { ...labels, __name__: 'ALERTS_FOR_STATE' }
      now.set(keyOf(forState), { labels: forState, value: Math.floor((this.#startMs + activeAtMs) / 1000) })
    }
    this.#write(atMs, now)
  }

  #write(atMs: number, now: ReadonlyMap<string, { labels: Labels; value: number }>): void {
    for (const [key, { labels, value }] of now) this.#column(key, labels, atMs, value)
    for (const [key, labels] of this.#present) {
      if (now.has(key)) continue
      const column = this.#column(key, labels, atMs, Number.NaN)
      column.stale.push(column.timesMs.length - 1)
    }
    this.#present = new Map([...now].map(([key, { labels }]) => [key, labels]))
  }

  #column(key: string, labels: Labels, atMs: number, value: number) {
    const column = this.#columns.get(key) ?? { labels, timesMs: [], values: [], stale: [] }
    this.#columns.set(key, column)
    column.timesMs.push(this.#startMs + atMs)
    column.values.push(value)
    return column
  }

  take(): SeriesSamples[] {
    const batch = [...this.#columns.values()]
    this.#columns = new Map()
    return batch
  }
}

function shift(series: readonly RangeSeries[], byMs: number): readonly RangeSeries[] {
  if (byMs === 0) return series
  return series.map((one) => ({ ...one, timesMs: one.timesMs.map((timeMs) => timeMs + byMs) }))
}

function withoutEmpty(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
