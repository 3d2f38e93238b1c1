/**
 * Asks every query of every panel over a drill, window by window, as a dashboard would that shows the whole drill: range
 * queries at the step of the panel's own width, instant queries at moments through the drill. Equal queries are asked once.
 */
import type { AlertEvaluation } from '../alerts/evaluate.ts'
import type { RuleGroup } from '../alerts/load-rules.ts'
import type { DrillObserver } from '../drill/drill-observer.ts'
import { drillSeriesNames } from '../drill/drill-series.ts'
import { madeByRules } from '../findings/survey.ts'
import type { Engine, ExpressionFacts } from '../judge/embedded/engine.ts'
import { type Judge, type Labels, QueryError, type RangeSeries, type SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { canonicalLabels } from '../scrape/sample-log.ts'
import type { Dashboard, DashboardPanel, PanelTarget } from './dashboard.ts'
import { isAbout } from './panel-pattern.ts'
import { formatGoDuration, formatInterval, queryIntervals, roundInterval } from './panel-query.ts'
import { DashboardVariables, intervalOf, placeholder, placeholderScope } from './variable-values.ts'
import { type Builtins, expandVariables, type VariableScope, type VariableValue } from './variables.ts'

/** What one query of a panel showed. Times are milliseconds since the start of the drill. */
export interface TargetEvaluation extends ShownByTarget {
  readonly dashboard: Dashboard
  readonly panel: DashboardPanel
  readonly target: PanelTarget
  /** Undefined: judged. */
  readonly notJudged: string | undefined
  readonly broken: string | undefined
  readonly facts: ExpressionFacts | undefined
}

export interface ShownByTarget {
  /** After variables were expanded, at the end of the drill. */
  readonly expression: string
  readonly stepMs: number
  readonly series: readonly PanelSeries[]
  readonly failures: readonly { readonly atMs: number; readonly message: string }[]
}

export interface PanelSeries {
  readonly labels: Labels
  /** As the legend shows it. */
  readonly name: string
  readonly timesMs: number[]
  readonly values: number[]
}

export interface PanelSources {
  readonly dashboards: readonly Dashboard[]
  /** They are not the platform's own: what scenarios expect of others is no failure. */
  readonly foreign: boolean
  readonly inspect: Engine['inspect']
}

/** Instant queries are asked as if somebody opened the dashboard this often, and at the end. */
const momentMs = 60_000
const momentsMax = 240
/** A panel that repeats itself for more values than that is judged for the first ones. */
const repeatsMax = 20

/** What panels need, known before the drill starts. */
export class PanelPlan {
  readonly dashboards: readonly DashboardPlan[]
  /** Names of the metrics that panels and variables select; undefined: any. */
  readonly metrics: ReadonlySet<string> | undefined
  /** How far back queries look, milliseconds. */
  readonly lookbackMs: number
  /** Results of rules, and what the drill says about itself: no target exposes them. */
  readonly ownNames: ReadonlySet<string>

  constructor(dashboards: readonly DashboardPlan[], ownNames: ReadonlySet<string>) {
    this.dashboards = dashboards
    this.ownNames = ownNames
    const targets = this.dashboards.flatMap((one) => one.targets)
    const names = new Set(['up', ...this.dashboards.flatMap(({ variableMetrics }) => variableMetrics)])
    const selected = targets.flatMap(({ metrics }) => metrics)
    for (const name of selected) if (name !== undefined) names.add(name)
    this.metrics = selected.includes(undefined) ? undefined : names
    this.lookbackMs = Math.max(0, ...targets.map(({ facts, panel }) => (facts?.lookbackMs ?? 0) + panel.timeShiftMs))
  }

  static of({ dashboards, inspect }: PanelSources, drill: Drill, groups: readonly RuleGroup[]): PanelPlan {
    return new PanelPlan(
      dashboards.map((dashboard) => planDashboard(askedIn(drill, dashboard), drill, inspect)),
      ownMetrics(groups),
    )
  }

  /** The plan of some of its queries alone. */
  only(isWanted: (target: TargetPlan) => boolean): PanelPlan {
    const dashboards = this.dashboards.map((one) => ({ ...one, targets: one.targets.filter(isWanted) }))
    return new PanelPlan(
      dashboards.filter(({ targets }) => targets.length > 0),
      this.ownNames,
    )
  }

  /**
   * What all queries showed, in the order of the dashboards.
   * @param shown what one of them showed; those that are not asked show nothing
   */
  evaluations(shown: (target: TargetPlan, dashboard: Dashboard) => ShownByTarget): TargetEvaluation[] {
    return this.dashboards.flatMap(({ dashboard, targets }) => [
      ...dashboard.panels
        .filter(({ notJudged }) => notJudged !== undefined)
        .map((panel) => unjudgedPanel(dashboard, panel)),
      ...targets.map((target) => targetEvaluation(dashboard, target, shown(target, dashboard))),
    ])
  }

  /** Whether a query reads something that no target exposes. */
  readsOwn({ metrics }: TargetPlan): boolean {
    return metrics.some((name) => name !== undefined && this.ownNames.has(name))
  }

  /** Whether any query reads something that no target exposes. */
  get readsResults(): boolean {
    return this.dashboards.some(({ targets }) => targets.some((target) => this.readsOwn(target)))
  }

  /** Whether the result of a recording rule is shown by a panel. */
  shows(name: string): boolean {
    return this.dashboards.some(({ targets }) => targets.some(({ metrics }) => metrics.includes(name)))
  }
}

/** Results of rules, and what the drill says about itself: no target exposes them. */
export function ownMetrics(groups: readonly RuleGroup[]): ReadonlySet<string> {
  return new Set([...drillSeriesNames, ...madeByRules(groups)])
}

/**
 * The drill of a scenario shows every panel. A twin is there to tell rules apart; of panels it judges those alone that it
 * expects something of.
 */
function askedIn(drill: Drill, dashboard: Dashboard): Dashboard {
  if (drill.twin === undefined) return dashboard
  const isAsked = (panel: DashboardPanel) => drill.expect.panels.some((one) => isAbout(one, { dashboard, panel }))
  return { ...dashboard, panels: dashboard.panels.filter(isAsked) }
}

export interface DashboardPlan {
  readonly dashboard: Dashboard
  readonly targets: readonly TargetPlan[]
  readonly variableMetrics: readonly string[]
}

export interface TargetPlan {
  readonly panel: DashboardPanel
  readonly target: PanelTarget
  readonly facts: ExpressionFacts | undefined
  /** Undefined stands for a selector without the name of a metric. */
  readonly metrics: readonly (string | undefined)[]
}

function planDashboard(dashboard: Dashboard, drill: Drill, inspect: Engine['inspect']): DashboardPlan {
  const checked = placeholderScope(dashboard.variables)
  const targets = dashboard.panels.flatMap((panel) =>
    panel.targets.map((target): TargetPlan => {
      if (target.notJudged !== undefined || target.broken !== undefined) {
        return { panel, target, facts: undefined, metrics: [] }
      }
      const scope = targetScope(dashboard, panel, target, checked.variables, drill)
      const facts = inspect(expandVariables(target.expression, scope.scope, 'prometheus'))
      const metrics = facts.selectors.map(({ metric }) => (metric?.includes(placeholder) ? undefined : metric))
      return { panel, target, facts, metrics }
    }),
  )
  const variableMetrics = dashboard.variables
    .filter(({ type }) => type === 'query')
    .flatMap(({ query }) => {
      const inner = /^(?:label_values|query_result|label_names)\((.*?)(?:,\s*\w+)?\)\s*$/s.exec(query)?.[1] ?? query
      try {
        return inspect(expandVariables(inner, checked, 'prometheus')).selectors.flatMap(({ metric }) => metric ?? [])
      } catch (error) {
        if (error instanceof QueryError) return []
        throw error
      }
    })
  return { dashboard, targets, variableMetrics }
}

/** The variables that one query sees, and its step. */
export function targetScope(
  dashboard: Dashboard,
  panel: DashboardPanel,
  target: PanelTarget,
  variables: ReadonlyMap<string, VariableValue>,
  drill: Drill,
): { scope: VariableScope; stepMs: number } {
  const builtins = dashboardBuiltins(dashboard, drill)
  const fromMs = panel.timeFromMs === undefined ? builtins.fromMs : builtins.toMs - panel.timeFromMs
  const outer = { variables, builtins: { ...builtins, fromMs } }
  const minStep = target.minStepText?.replaceAll(/[{}]/g, '')
  const { stepMs, rateIntervalMs } = queryIntervals({
    rangeMs: builtins.toMs - fromMs,
    maxDataPoints: panel.maxDataPoints,
    scrapeIntervalMs: target.scrapeIntervalMs,
    panelMinIntervalMs: intervalOf(panel.minIntervalText, outer),
    minStep:
      minStep === '$__interval' || minStep === '$__rate_interval' ? minStep : intervalOf(target.minStepText, outer),
    intervalFactor: target.intervalFactor,
  })
  const scope = {
    variables,
    builtins: {
      ...outer.builtins,
      interval: { text: formatInterval(stepMs), ms: stepMs },
      rateInterval: { text: formatGoDuration(rateIntervalMs), ms: rateIntervalMs },
    },
  }
  return { scope, stepMs }
}

/** The dashboard shows the whole drill, and now is its end. */
function dashboardBuiltins({ title, uid }: Dashboard, { startMs, lengthMs }: Drill): Builtins {
  return {
    fromMs: startMs,
    toMs: startMs + lengthMs,
    interval: undefined,
    rateInterval: undefined,
    dashboard: { title, uid },
  }
}

export interface PanelEvaluationOptions {
  readonly judge: Judge
  readonly drill: Drill
  /** Whose results panels may show. */
  readonly rules: Pick<AlertEvaluation, 'takeResults'>
  /** Told what is about to be asked, in case that it never ends. */
  readonly onActivity?: ((what: string) => void) | undefined
}

export async function createPanelEvaluation(
  plan: PanelPlan,
  options: PanelEvaluationOptions,
): Promise<PanelEvaluation> {
  const readOwn = plan.dashboards.flatMap(({ targets }) => targets.filter((target) => plan.readsOwn(target)))
  // What no target exposes must not reach the store that rules are evaluated in: a rule that selects by something else than
  // a name would see it, which no Prometheus would show it.
  const own = readOwn.length > 0 ? await options.judge.fork() : undefined
  const beside = new Set(readOwn.flatMap(({ metrics }) => metrics.flatMap((name) => name ?? [])))
  return new PanelEvaluation(plan, options, own, beside)
}

export class PanelEvaluation implements DrillObserver {
  readonly #plan: PanelPlan
  readonly #options: PanelEvaluationOptions
  /** Holds rule results and the drill's own series, and what queries read beside them. */
  readonly #own: Judge | undefined
  readonly #beside: ReadonlySet<string>
  readonly #dashboards: readonly { plan: DashboardPlan; variables: DashboardVariables; runs: readonly TargetRun[] }[]

  constructor(plan: PanelPlan, options: PanelEvaluationOptions, own: Judge | undefined, beside: ReadonlySet<string>) {
    this.#plan = plan
    this.#options = options
    this.#own = own
    this.#beside = beside
    this.#dashboards = plan.dashboards.map((one) => ({
      plan: one,
      variables: new DashboardVariables(one.dashboard.variables, dashboardBuiltins(one.dashboard, options.drill)),
      runs: one.targets.map((target) => new TargetRun(one.dashboard, target, options.drill)),
    }))
  }

  get lookbackMs(): number {
    return this.#plan.lookbackMs
  }

  /** Takes what the drill says about itself, too. */
  async append(batch: readonly SeriesSamples[]): Promise<void> {
    await this.#own?.append(batch.filter(({ labels }) => this.#beside.has(labels.__name__ ?? '')))
  }

  async advance(toMs: number): Promise<void> {
    const { judge, drill, rules } = this.#options
    const { startMs } = drill
    const results = rules.takeResults()
    if (this.#own) {
      // A series that several rules write is put together in the order of the rules, whoever evaluated them.
      const ordered = [...results].sort((a, b) => a.rule.index - b.rule.index)
      await this.#own.append(joinSeries(ordered.flatMap(({ samples }) => samples)))
      await this.#own.forget(startMs + toMs - this.lookbackMs - 600_000)
    }
    const asked = new Map<string, readonly RangeSeries[] | QueryError>()
    for (const { plan, variables, runs } of this.#dashboards) {
      const judgeOf = (query: string) =>
        this.#own && [...this.#plan.ownNames].some((name) => query.includes(name)) ? this.#own : judge
      if (runs.length === 0) continue
      await variables.refresh(judgeOf, startMs, startMs + toMs)
      for (const run of runs) {
        if (!run.isJudged) continue
        this.#options.onActivity?.(`panel "${run.plan.panel.title}" of ${plan.dashboard.uid}`)
        const own = this.#plan.readsOwn(run.plan)
        const ask = async (expression: string, fromMs: number, lastMs: number, stepMs: number) => {
          const key = `${own} ${fromMs} ${lastMs} ${stepMs} ${expression}`
          let answer = asked.get(key)
          if (!answer) {
            answer = await askRange(own ? this.#own! : judge, expression, fromMs, lastMs, stepMs)
            asked.set(key, answer)
          }
          return answer
        }
        await run.advance(toMs, variables, ask)
      }
    }
  }

  evaluations(): TargetEvaluation[] {
    const shown = this.results()
    return this.#plan.evaluations((target) => shown.get(target)!)
  }

  /** By the plan of each query. */
  results(): ReadonlyMap<TargetPlan, ShownByTarget> {
    return new Map(this.#dashboards.flatMap(({ runs }) => runs.map((run) => [run.plan, run.result()] as const)))
  }

  async close(): Promise<void> {
    await this.#own?.close()
  }
}

async function askRange(
  judge: Judge,
  expression: string,
  startMs: number,
  endMs: number,
  stepMs: number,
): Promise<readonly RangeSeries[] | QueryError> {
  try {
    return await judge.queryRange({ expression, startMs, endMs, stepMs })
  } catch (error) {
    if (error instanceof QueryError) return error
    throw error
  }
}

type Ask = (
  expression: string,
  fromMs: number,
  lastMs: number,
  stepMs: number,
) => Promise<readonly RangeSeries[] | QueryError>

/** One query of one panel through the drill. */
class TargetRun {
  readonly plan: TargetPlan
  readonly #dashboard: Dashboard
  readonly #drill: Drill
  readonly #series = new Map<string, PanelSeries>()
  readonly #failures: { atMs: number; message: string }[] = []
  #expression: string
  #stepMs = 0
  /** First time (Unix, milliseconds) that was not asked for yet. */
  #nextMs: number | undefined

  constructor(dashboard: Dashboard, plan: TargetPlan, drill: Drill) {
    this.#dashboard = dashboard
    this.plan = plan
    this.#drill = drill
    this.#expression = plan.target.expression
  }

  get isJudged(): boolean {
    return this.plan.target.notJudged === undefined && this.plan.target.broken === undefined
  }

  async advance(toMs: number, variables: DashboardVariables, ask: Ask): Promise<void> {
    const { panel, target } = this.plan
    const { startMs, lengthMs } = this.#drill
    const scopes = scopesOf(panel, variables).map((values) =>
      targetScope(this.#dashboard, panel, target, values, this.#drill),
    )
    const { stepMs } = scopes[0]!
    this.#stepMs = target.instant ? momentsStep(lengthMs) : stepMs
    // Range queries lie on multiples of the step since 1970; moments are counted back from the end of the drill.
    const phaseMs = target.instant ? (startMs + lengthMs) % this.#stepMs : 0
    const firstMs = this.#nextMs ?? Math.ceil((startMs - phaseMs) / this.#stepMs) * this.#stepMs + phaseMs
    const lastMs = Math.floor((startMs + toMs - phaseMs) / this.#stepMs) * this.#stepMs + phaseMs
    if (lastMs < firstMs) return
    this.#nextMs = lastMs + this.#stepMs
    const shiftMs = panel.timeShiftMs
    for (const { scope } of scopes) {
      this.#expression = expandVariables(target.expression, scope, 'prometheus')
      const answer = await ask(this.#expression, firstMs - shiftMs, lastMs - shiftMs, this.#stepMs)
      if (answer instanceof QueryError) this.#failures.push({ atMs: toMs, message: answer.message })
      else for (const one of answer) this.#take(one, scope, shiftMs)
    }
  }

  #take({ labels, timesMs, values }: RangeSeries, scope: VariableScope, shiftMs: number): void {
    const key = canonicalLabels(labels)
    let series = this.#series.get(key)
    if (!series) {
      series = { labels, name: legendOf(this.plan.target, labels, scope), timesMs: [], values: [] }
      this.#series.set(key, series)
    }
    for (let i = 0; i < timesMs.length; i += 1) {
      const atMs = timesMs[i]! + shiftMs - this.#drill.startMs
      // Repeated panels may show a series twice.
      if (series.timesMs.length > 0 && atMs <= series.timesMs.at(-1)!) continue
      series.timesMs.push(atMs)
      series.values.push(values[i]!)
    }
  }

  result(): ShownByTarget {
    return {
      expression: this.#expression,
      stepMs: this.#stepMs,
      series: [...this.#series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, series]) => series),
      failures: this.#failures,
    }
  }
}

/** One set of variables, or one for each value of the variable that the panel is repeated for. */
function scopesOf(panel: DashboardPanel, variables: DashboardVariables): ReadonlyMap<string, VariableValue>[] {
  const { values } = variables
  const repeated = panel.repeat === undefined ? undefined : values.get(panel.repeat)
  if (!repeated || repeated.values.length === 0) return [values]
  return repeated.values.slice(0, repeatsMax).map((value, i) => {
    const one = { ...repeated, isAll: false, values: [value], texts: [repeated.texts[i] ?? value] }
    return new Map([...values, [repeated.name, one]])
  })
}

function momentsStep(lengthMs: number): number {
  return Math.max(momentMs, roundInterval(lengthMs / momentsMax))
}

function targetEvaluation(
  dashboard: Dashboard,
  { panel, target, facts }: TargetPlan,
  shown: ShownByTarget,
): TargetEvaluation {
  return { dashboard, panel, target, notJudged: target.notJudged, broken: target.broken, facts, ...shown }
}

function unjudgedPanel(dashboard: Dashboard, panel: DashboardPanel): TargetEvaluation {
  const target: PanelTarget = {
    refId: '',
    expression: '',
    instant: false,
    legendFormat: '',
    minStepText: undefined,
    intervalFactor: 1,
    scrapeIntervalMs: 0,
    notJudged: panel.notJudged,
    broken: undefined,
  }
  const { notJudged } = panel
  const nothing = { broken: undefined, expression: '', stepMs: 0, facts: undefined, series: [], failures: [] }
  return { dashboard, panel, target, notJudged, ...nothing }
}

/** `{{label}}` in a legend; without a format, or with "auto", the labels. */
function legendOf({ legendFormat }: PanelTarget, labels: Labels, scope: VariableScope): string {
  if (legendFormat !== '' && legendFormat !== '__auto') {
    return expandVariables(legendFormat, scope, 'text').replaceAll(
      /\{\{\s*(.+?)\s*\}\}/g,
      (_, name: string) => labels[name] ?? '',
    )
  }
  const { __name__: name = '', ...rest } = labels
  const shown = Object.entries(rest).map(([label, value]) => `${label}="${value}"`)
  return shown.length === 0 && name !== '' ? name : `${name}{${shown.join(', ')}}`
}

/** The same series may come from several rules: one batch has it once, in order of time. */
function joinSeries(batch: readonly SeriesSamples[]): SeriesSamples[] {
  const byKey = new Map<string, SeriesSamples[]>()
  for (const one of batch) {
    const key = canonicalLabels(one.labels)
    const list = byKey.get(key)
    if (list) list.push(one)
    else byKey.set(key, [one])
  }
  return [...byKey.values()].map((parts) => (parts.length === 1 ? parts[0]! : joinParts(parts)))
}

function joinParts(parts: readonly SeriesSamples[]): SeriesSamples {
  const samples = new Map<number, { value: number; stale: boolean }>()
  for (const { timesMs, values, stale } of parts) {
    for (let i = 0; i < timesMs.length; i += 1) {
      const isStale = stale.includes(i)
      // Where one rule ends an alert and another still has it, it is there.
      if (isStale && samples.has(timesMs[i]!)) continue
      samples.set(timesMs[i]!, { value: values[i]!, stale: isStale })
    }
  }
  const ordered = [...samples].sort(([a], [b]) => a - b)
  return {
    labels: parts[0]!.labels,
    timesMs: ordered.map(([timeMs]) => timeMs),
    values: ordered.map(([, { value }]) => value),
    stale: ordered.flatMap(([, { stale }], i) => (stale ? [i] : [])),
  }
}
