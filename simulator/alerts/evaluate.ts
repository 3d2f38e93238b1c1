/**
 * Evaluates rules over a drill as a server would, for every offset that a group may have inside its interval: each
 * expression once by range query on a grid that holds all offsets, then the alert states are stepped for each offset.
 */
import type { DrillObserver } from '../drill/drill-observer.ts'
import {
  type InstantResult,
  type Judge,
  JudgeError,
  type Labels,
  QueryError,
  type RangeSeries,
  type Sample,
  type SeriesSamples,
} from '../judge/judge.ts'
import { type ActiveAlerts, type AlertSample, stepAlerts } from './alert-state.ts'
import { type PlannedRule, planRules, type RulePlan } from './dependencies.ts'
import { queriesInTexts, type Rule, type RuleGroup } from './load-rules.ts'
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
  /** Evaluates recording rules, too, whose results nobody reads: only to find out whether they can be evaluated. */
  readonly unreadRecordings?: boolean
  /**
   * Evaluates these rules alone, and those that they read; every offset is what it is with all of them. All rules, when
   * left out.
   */
  readonly only?: ReadonlySet<Rule> | undefined
  /** Told what is about to be evaluated, in case that it never ends. */
  readonly onActivity?: ((what: string) => void) | undefined
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

/** What a rule wrote. */
export interface RuleSamples {
  readonly rule: Rule
  readonly samples: readonly SeriesSamples[]
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
/** Where rules go instant by instant, each assignment asks a query for each of them at each instant. */
const stepwiseAssignmentsMax = 4
/** A rule that passes a limit of the judge so often is given up: each time may have taken long. */
const limitedMax = 3

export async function createAlertEvaluation(options: AlertEvaluationOptions): Promise<AlertEvaluation> {
  const plan = planRules(options.groups)
  const rules = options.only && withFeeders(options.only, plan)
  const isWanted = ({ rule }: PlannedRule) => rules?.has(rule) ?? true
  const wanted = {
    ...plan,
    independent: plan.independent.filter(isWanted),
    ordered: plan.ordered.filter(isWanted),
    stepwise: plan.stepwise.filter(isWanted),
  }
  const isChained = wanted.ordered.length + wanted.stepwise.length > 0
  const assignments: Assignment[] = []
  for (const offsets of isChained ? assignedOffsets(plan, options.latticeMs) : []) {
    assignments.push({ judge: await options.judge.fork(), offsets })
  }
  return new AlertEvaluation(options, wanted, assignments)
}

/** The offsets that groups with chained rules have, one after the other; milliseconds. */
export function assignedOffsets({ ordered, stepwise }: RulePlan, latticeMs: number): ReadonlyMap<RuleGroup, number>[] {
  const groups = [...new Set([...ordered, ...stepwise].map(({ group }) => group))]
  if (groups.length === 0) return []
  const most = Math.max(...groups.map(({ intervalMs }) => Math.max(1, Math.floor(intervalMs / latticeMs))))
  const count = Math.min(most, stepwise.length > 0 ? stepwiseAssignmentsMax : assignmentsMax)
  return Array.from(
    { length: count },
    (_, i) =>
      new Map(
        groups.map((group, position) => {
          const steps = Math.max(1, Math.floor(group.intervalMs / latticeMs))
          // Turned against each other, so that not all groups evaluate at the same time in each assignment.
          return [group, ((Math.floor((i * steps) / count) + position) % steps) * latticeMs]
        }),
      ),
  )
}

interface Assignment {
  readonly judge: Judge
  readonly offsets: ReadonlyMap<RuleGroup, number>
}

interface ChainedRun {
  readonly run: RuleRun
  readonly offsetMs: number
  readonly writer: ResultWriter
}

interface Chain {
  readonly assignment: Assignment
  readonly ordered: readonly ChainedRun[]
  readonly stepwise: readonly ChainedRun[]
}

export class AlertEvaluation implements DrillObserver {
  readonly #options: AlertEvaluationOptions
  readonly #plan: RulePlan
  readonly #assignments: readonly Assignment[]
  readonly #independent: readonly ChainedRun[]
  readonly #chains: readonly Chain[]
  /** Told what a rule gave in one assignment of offsets, as soon as it did. */
  onResults: ((results: RuleSamples) => void) | undefined
  /** The same, until somebody takes it. */
  #results: RuleSamples[] = []
  /** First time of the grid that is not evaluated yet. */
  #nextMs = 0

  constructor(options: AlertEvaluationOptions, plan: RulePlan, assignments: readonly Assignment[]) {
    this.#options = options
    this.#plan = plan
    this.#assignments = assignments
    const { judge, externalLabels, externalUrl, onActivity, unreadRecordings = true, isShown } = options
    const text = { judge, externalLabels, externalUrl, onActivity }
    const isWanted = ({ rule }: PlannedRule) =>
      unreadRecordings || rule.kind === 'alerting' || isShown?.(rule.name) === true
    this.#independent = plan.independent.filter(isWanted).map(({ rule, group }) => ({
      run: new RuleRun(rule, group, rule.kind === 'alerting' ? everyOffset(group, options.latticeMs) : [0], text),
      offsetMs: 0,
      writer: new ResultWriter(rule, group, options.startMs),
    }))
    this.#chains = assignments.map((assignment) => {
      const chainedRun = ({ rule, group }: PlannedRule): ChainedRun => {
        const offsetMs = assignment.offsets.get(group)!
        const run = new RuleRun(rule, group, [offsetMs], { ...text, judge: assignment.judge })
        return { run, offsetMs, writer: new ResultWriter(rule, group, options.startMs) }
      }
      return { assignment, ordered: plan.ordered.map(chainedRun), stepwise: plan.stepwise.map(chainedRun) }
    })
  }

  /** Samples that were given to the judge; rules that feed rules need them in stores of their own. */
  async append(batch: readonly SeriesSamples[]): Promise<void> {
    for (const { judge } of this.#assignments) await judge.append(batch)
  }

  /** Who knows everything that a rule reads: for rules that read other rules, one of the stores with their results. */
  judgeOf(rule: Rule): Judge {
    const chain = this.#chains.find(({ ordered, stepwise }) =>
      [...ordered, ...stepwise].some(({ run }) => run.rule === rule),
    )
    return chain?.assignment.judge ?? this.#options.judge
  }

  /** How far back the judge must still know samples, milliseconds. */
  get lookbackMs(): number {
    const { independent, ordered, stepwise } = this.#plan
    const rules = [...independent, ...ordered, ...stepwise]
    // Texts are rendered when the drill is over, as of the time when the alert fired.
    if (rules.some(({ rule }) => queriesInTexts(rule))) return Number.MAX_SAFE_INTEGER
    return Math.max(0, ...rules.map(({ group, rule }) => rule.facts.lookbackMs + group.queryOffsetMs))
  }

  /** Evaluates up to and including `toMs` (since the start of the drill). All samples up to then must have been appended. */
  async advance(toMs: number): Promise<void> {
    const { startMs, latticeMs, judge } = this.#options
    const sinceMs = this.#nextMs
    if (toMs < sinceMs) return
    this.#nextMs = sinceMs + (Math.floor((toMs - sinceMs) / latticeMs) + 1) * latticeMs
    const window = { firstMs: sinceMs, toMs, stepMs: latticeMs, startMs }
    for (const one of this.#independent) {
      const { run, writer } = one
      if (run.rule.kind === 'alerting') await run.advance(judge, window, this.#options.isShown ? writer : undefined)
      else await this.#advanceOne(one, judge, sinceMs, toMs)
      const written = writer.take()
      const isShown = run.rule.kind === 'alerting' || this.#options.isShown?.(run.rule.name)
      if (isShown && written.length > 0) this.#give({ rule: run.rule, samples: written })
    }
    for (const chain of this.#chains) {
      await this.#advanceInOrder(chain, sinceMs, toMs)
      await this.#advanceStepwise(chain, sinceMs, toMs)
      await chain.assignment.judge.forget(startMs + toMs - this.lookbackMs - latticeMs)
    }
  }

  /** Rule by rule over the whole window: what a rule gives is written back before its readers are evaluated. */
  async #advanceInOrder({ assignment, ordered }: Chain, sinceMs: number, toMs: number): Promise<void> {
    for (const one of ordered) {
      await this.#advanceOne(one, assignment.judge, sinceMs, toMs)
      await this.#writeBack(one, assignment)
    }
  }

  /** The group's own evaluations only. */
  async #advanceOne({ run, offsetMs, writer }: ChainedRun, judge: Judge, sinceMs: number, toMs: number): Promise<void> {
    const { intervalMs } = run.group
    const firstMs = firstEvaluation(offsetMs, intervalMs, sinceMs)
    if (firstMs > toMs) return
    await run.advance(judge, { firstMs, toMs, stepMs: intervalMs, startMs: this.#options.startMs }, writer)
  }

  async #writeBack({ run, writer }: ChainedRun, assignment: Assignment): Promise<void> {
    const samples = writer.take()
    if (samples.length === 0) return
    await assignment.judge.append(samples)
    const isFirst = assignment === this.#assignments[0]
    if (this.#options.isShown && isFirst) this.#give({ rule: run.rule, samples })
  }

  #give(results: RuleSamples): void {
    this.#results.push(results)
    this.onResults?.(results)
  }

  /** Instant by instant, as a server does it: at each the rules of a group in their order. */
  async #advanceStepwise({ assignment, stepwise }: Chain, sinceMs: number, toMs: number): Promise<void> {
    const due: { atMs: number; one: ChainedRun }[] = []
    for (const one of stepwise) {
      const { intervalMs } = one.run.group
      for (let atMs = firstEvaluation(one.offsetMs, intervalMs, sinceMs); atMs <= toMs; atMs += intervalMs) {
        due.push({ atMs, one })
      }
    }
    // The sort keeps the order of those that are due at the same time.
    for (const { atMs, one } of due.sort((a, b) => a.atMs - b.atMs)) {
      const { run, writer } = one
      const window = { firstMs: atMs, toMs: atMs, stepMs: run.group.intervalMs, startMs: this.#options.startMs }
      await run.advance(assignment.judge, window, writer)
      await this.#writeBack(one, assignment)
    }
  }

  /**
   * ALERTS, ALERTS_FOR_STATE and recorded series since the last time, as one server would have written them: with the
   * first of the offsets of each group.
   */
  takeResults(): RuleSamples[] {
    const results = this.#results
    this.#results = []
    return results
  }

  /** Those that are evaluated. */
  get rules(): ReadonlySet<Rule> {
    const { independent, ordered, stepwise } = this.#plan
    return new Set([...independent, ...ordered, ...stepwise].map(({ rule }) => rule))
  }

  /** What every alerting rule did, in the order of the files. */
  results(): RuleEvaluation[] {
    return this.#resultsOf('alerting')
  }

  /** What every recording rule did: no episodes, but failures, and whether it was judged. */
  recordings(): RuleEvaluation[] {
    return this.#resultsOf('recording')
  }

  #resultsOf(kind: Rule['kind']): RuleEvaluation[] {
    const joined = new Map<Rule, RuleEvaluation>()
    const chained = this.#chains.flatMap(({ ordered, stepwise }) => [...ordered, ...stepwise].map(({ run }) => run))
    const runs = [...this.#independent.map(({ run }) => run), ...chained]
    const lost = new Map(
      runs.flatMap((run) => (run.notJudged === undefined ? [] : [[run.rule, run.notJudged] as const])),
    )
    for (const run of runs.filter(({ rule }) => rule.kind === kind)) {
      const result = run.result(this.#whyNotJudged(run.rule, lost))
      const before = joined.get(run.rule)
      joined.set(run.rule, before ? joinEvaluations(before, result) : result)
    }
    return [...joined.values()].sort((a, b) => a.rule.index - b.rule.index)
  }

  /** A rule is only judged when all are that it reads, directly or through others. */
  #whyNotJudged(rule: Rule, lost: ReadonlyMap<Rule, string>): string | undefined {
    for (const reader of withFeeders([rule], this.#plan)) {
      const reason = lost.get(reader)
      if (reason !== undefined) return reader === rule ? reason : `it reads ${reader.name}, which is not: ${reason}`
    }
    return undefined
  }

  async close(): Promise<void> {
    for (const { judge } of this.#assignments) await judge.close()
  }
}

/** Rules, and those whose results they read, directly or through others. */
export function withFeeders(rules: Iterable<Rule>, { feeds }: Pick<RulePlan, 'feeds'>): ReadonlySet<Rule> {
  const found = new Set(rules)
  for (const reader of found) for (const writer of feeds.get(reader) ?? []) found.add(writer)
  return found
}

function firstEvaluation(offsetMs: number, intervalMs: number, sinceMs: number): number {
  return offsetMs + Math.ceil(Math.max(0, sinceMs - offsetMs) / intervalMs) * intervalMs
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
  #notJudged: string | undefined
  #limited = 0

  constructor(rule: Rule, group: RuleGroup, offsetsMs: readonly number[], text: TextContext) {
    this.rule = rule
    this.group = group
    this.#text = text
    this.#templated = Object.values(rule.labels).some(hasTemplate)
    this.#offsets = offsetsMs.map((offsetMs) => ({ offsetMs, active: new Map(), open: new Map(), episodes: [] }))
  }

  /** Why the rule is not judged; undefined: it is. */
  get notJudged(): string | undefined {
    return this.#notJudged
  }

  async advance(judge: Judge, window: Window, writer?: ResultWriter): Promise<void> {
    if (this.#notJudged !== undefined) return
    if (this.rule.facts.looksAhead) {
      this.#notJudged = 'it looks at another time than that of the evaluation (a negative offset, or @ with a time)'
      return
    }
    const { name, place } = this.rule
    this.#text.onActivity?.(`${name} (${place})`)
    try {
      await this.#advance(judge, window, writer)
    } catch (error) {
      if (error instanceof JudgeError) error.message = `${name} (${place}): ${error.message}`
      throw error
    }
  }

  async #advance(judge: Judge, window: Window, writer: ResultWriter | undefined): Promise<void> {
    const { series, failed } = await this.#evaluate(judge, window)
    if (this.rule.kind === 'recording') {
      this.#failures.push(...failuresOf(failed), ...(writer?.record(series, failed, window) ?? []))
      return
    }
    const byTime = await this.#samplesByTime(series, window.startMs)
    if (byTime.size > 0) this.#everTrue = true
    // Only one offset can be written down: a server has only one.
    for (const [i, offset] of this.#offsets.entries()) {
      this.#step(offset, byTime, failed, window, i === 0 ? writer : undefined)
    }
  }

  async #evaluate(judge: Judge, window: Window): Promise<Evaluated> {
    const { expression, facts } = this.rule
    const { queryOffsetMs } = this.group
    const { firstMs, toMs, stepMs, startMs } = window
    const lastMs = firstMs + Math.floor((toMs - firstMs) / stepMs) * stepMs
    if (facts.perInstant) return this.#evaluateStepByStep(judge, { ...window, toMs: lastMs })
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
      return this.#evaluateStepByStep(judge, { ...window, toMs: lastMs })
    }
  }

  /** One failing instant makes a range query fail as a whole; a server would only miss that one evaluation. */
  async #evaluateStepByStep(judge: Judge, { firstMs, toMs, stepMs, startMs }: Window): Promise<Evaluated> {
    const failed = new Map<number, string>()
    const columns = new Map<string, { labels: Labels; timesMs: number[]; values: number[] }>()
    for (let atMs = firstMs; atMs <= toMs && this.#notJudged === undefined; atMs += stepMs) {
      try {
        const result = await judge.query(this.rule.expression, startMs + atMs - this.group.queryOffsetMs)
        for (const { labels, value } of samplesOf(result)) {
          const key = keyOf(labels)
          const column = columns.get(key) ?? { labels, timesMs: [], values: [] }
          columns.set(key, column)
          column.timesMs.push(startMs + atMs)
          column.values.push(value)
        }
      } catch (error) {
        if (!(error instanceof QueryError)) throw error
        failed.set(atMs, error.message)
        if (error.limited) this.#limited += 1
        if (this.#limited >= limitedMax) this.#notJudged = `it passes a limit of the judge: ${error.message}`
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
      const failedStep = step.error !== undefined
      if (failedStep) this.#failures.push({ atMs, message: step.error! })
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
      // A failed evaluation writes nothing, no stale markers either.
      if (!failedStep) writer?.alerts(offset.active, atMs)
    }
  }

  /** @param notJudged why the rule is not judged, by itself or because of another one */
  result(notJudged: string | undefined): RuleEvaluation {
    return {
      rule: this.rule,
      group: this.group,
      notJudged,
      offsets: this.#offsets.map(({ offsetMs, episodes }) => ({ offsetMs, episodes })),
      everTrue: this.#everTrue,
      failures: this.#failures,
    }
  }
}

const noSamples: readonly AlertSample[] = []

interface Evaluated {
  readonly series: readonly RangeSeries[]
  /** By time, why the evaluation failed. */
  readonly failed: ReadonlyMap<number, string>
}

type Failure = RuleEvaluation['failures'][number]

function failuresOf(failed: ReadonlyMap<number, string>): Failure[] {
  return [...failed].map(([atMs, message]) => ({ atMs, message }))
}

function samplesOf(result: InstantResult): readonly Sample[] {
  if (result.type === 'vector') return result.samples
  return result.type === 'scalar' ? [{ labels: {}, value: result.value }] : []
}

/** Turns results of rules into samples for the rules behind them: values, and a stale marker where a series ends. */
class ResultWriter {
  readonly #rule: Rule
  readonly #group: RuleGroup
  readonly #startMs: number
  #columns = new Map<string, { labels: Labels; timesMs: number[]; values: number[]; stale: number[] }>()
  #present = new Map<string, Labels>()

  constructor(rule: Rule, group: RuleGroup, startMs: number) {
    this.#rule = rule
    this.#group = group
    this.#startMs = startMs
  }

  /**
   * Results of a recording rule. A failed evaluation writes nothing.
   * @returns evaluations that fail although the expression did not. Source: Prometheus rules/recording.go (`Eval`)
   */
  record(series: readonly RangeSeries[], failed: ReadonlyMap<number, string>, window: Window): Failure[] {
    const { limit } = this.#group
    const failures: Failure[] = []
    const twice = new Set<number>()
    const byTime = new Map<number, Map<string, { labels: Labels; value: number }>>()
    for (const { labels, timesMs, values } of series) {
      const recorded = { ...withoutEmpty({ ...labels, ...this.#rule.labels }), __name__: this.#rule.name }
      const key = keyOf(recorded)
      for (let i = 0; i < timesMs.length; i += 1) {
        const atMs = timesMs[i]! - this.#startMs
        const at = byTime.get(atMs) ?? new Map()
        byTime.set(atMs, at)
        if (at.has(key)) twice.add(atMs)
        at.set(key, { labels: recorded, value: values[i]! })
      }
    }
    for (let atMs = window.firstMs; atMs <= window.toMs; atMs += window.stepMs) {
      const now = byTime.get(atMs) ?? new Map()
      if (failed.has(atMs)) continue
      if (twice.has(atMs)) {
        failures.push({ atMs, message: 'vector contains metrics with the same labelset after applying rule labels' })
      } else if (limit > 0 && now.size > limit) {
        failures.push({ atMs, message: `exceeded limit of ${limit} with ${now.size} series` })
      } else {
        this.#write(atMs, now)
      }
    }
    return failures
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
    // Results carry the time that was asked about, not that of the evaluation.
    column.timesMs.push(this.#startMs + atMs - this.#group.queryOffsetMs)
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
