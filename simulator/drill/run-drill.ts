/**
 * One drill from start to end: simulates it, hands the samples to the judge as they come, evaluates the rules, and
 * compares what happened with what the scenario says.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type AlertEvaluation, createAlertEvaluation, type RuleEvaluation } from '../alerts/evaluate.ts'
import { alertNames, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import {
  createPanelEvaluation,
  type PanelEvaluation,
  PanelPlan,
  type PanelSources,
  type TargetEvaluation,
} from '../dashboards/panel-evaluation.ts'
import { panelEvidence } from '../dashboards/panel-evidence.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { judgeLogs } from '../expectations/log.ts'
import { judgePanels, neverAnyData, unmatchedExpectations } from '../expectations/panel.ts'
import { judgeTraces } from '../expectations/trace.ts'
import { collectEvidence, shortReasons } from '../explain/collect-evidence.ts'
import { OperandObserver, rulesToRecord } from '../explain/operand-observer.ts'
import { findFault } from '../faults/index.ts'
import { findingsInDrill } from '../findings/look-for-findings.ts'
import { SeriesWatch } from '../findings/series-watch.ts'
import { type Survey, surveyDrill } from '../findings/survey.ts'
import type { Judge, Labels, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import type { SampleLog } from '../scrape/sample-log.ts'
import type { VirtualWorld } from '../world/virtual-world.ts'
import type { DrillEvidence } from './drill-evidence.ts'
import type { DrillObserver } from './drill-observer.ts'
import type { AlertResult, DrillResult, EventSpan, Verdict } from './drill-result.ts'
import { drillSeriesNames } from './drill-series.ts'
import { exitCodeOf } from './exit-codes.ts'
import { DrillSimulation, drillLattice, type SimulatedDrill } from './simulate-drill.ts'
import type { SpanRecord } from './span-record.ts'

export interface RunDrillOptions {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  /** Makes the judge of this drill, which is closed at the end. */
  readonly createJudge: () => Promise<Judge>
  /** The rules are not the platform's own. */
  readonly foreignRules: boolean
  /** Dashboards to judge; none when left out. */
  readonly panels?: PanelSources | undefined
  /** Folder for captured signals; a folder inside of it is made and removed. */
  readonly temporaryFolder: string
  readonly onProgress?: (progress: { virtualMs: number; lengthMs: number }) => void
  /** Told of the samples that go to the judge, for exports and benchmarks. */
  readonly onSamples?: (batch: readonly SeriesSamples[]) => void
  /** Which metrics go to the judge; those that rules and panels select, when left out. */
  readonly selects?: (metric: string) => boolean
  /** Gets the world before it starts, for tests that look into it. */
  readonly onWorld?: (world: VirtualWorld) => void
  /** Asked at the end for every log record and span, for tests that look at all signals. */
  readonly onSignals?: (signals: {
    logs(): AsyncIterable<Record<string, unknown>>
    spans(): AsyncIterable<SpanRecord>
    world: VirtualWorld
    samples: SampleLog
  }) => Promise<void>
  /** Gets what a report draws. Collected only when somebody wants it. */
  readonly onEvidence?: ((evidence: DrillEvidence) => void) | undefined
  /** Alerts that the evidence explains although the drill does not name them. */
  readonly alsoExplain?: readonly string[]
  /** Told at the end what was exposed and stored, for findings over all drills of a run. */
  readonly onSurvey?: (survey: Survey) => void
  /** Told which rule or text the judge is about to look at, in case that it never comes back. */
  readonly onActivity?: ((what: string) => void) | undefined
  /** Milliseconds of a clock that only wall times are read from. */
  readonly wallClock: () => number
}

export const externalUrl = 'http://prometheus:9090'

/** @throws JudgeError when the judge can't be reached or does not answer; any other error is a bug of ours */
export async function runDrill(drill: Drill, options: RunDrillOptions): Promise<DrillResult> {
  const startedMs = options.wallClock()
  const { config, groups, onProgress, onWorld } = options
  mkdirSync(options.temporaryFolder, { recursive: true })
  const folder = mkdtempSync(join(options.temporaryFolder, 'drill-'))
  let judge: Judge | undefined
  let simulation: DrillSimulation | undefined
  let judgement: DrillJudgement | undefined
  try {
    judge = await options.createJudge()
    const latticeMs = drillLattice(config, groups)
    const selects = options.selects ?? metricsOfDrill(drill, options)
    const prometheusVersion = judge.identity.version
    simulation = new DrillSimulation(drill, {
      config,
      latticeMs,
      prometheusVersion,
      selects,
      folder,
      onProgress,
      onWorld,
    })
    judgement = await createDrillJudgement(drill, options, judge, latticeMs)
    const simulated = await simulation.run((batch, toMs) => judgement!.take(batch, toMs))
    await options.onSignals?.({ ...simulated.evidence, world: simulation.world, samples: simulation.samples })
    const { samples, world } = simulation
    options.onSurvey?.(surveyDrill({ samples, record: simulated.scrape, groups, config, world }))
    return await judgement.conclude(simulated, startedMs)
  } finally {
    await judgement?.close()
    await judge?.close()
    simulation?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What judging needs beside the samples; a drill that runs and one that was recorded are judged alike. */
export type JudgeDrillOptions = Pick<
  RunDrillOptions,
  | 'config'
  | 'groups'
  | 'foreignRules'
  | 'panels'
  | 'onActivity'
  | 'onSamples'
  | 'onEvidence'
  | 'alsoExplain'
  | 'wallClock'
>

/** Which metrics the judge of a drill has to be given: those that rules and panels select. */
export function metricsOfDrill(
  drill: Drill,
  { groups, panels }: Pick<JudgeDrillOptions, 'groups' | 'panels'>,
): (metric: string) => boolean {
  const ofRules = selectedMetrics(groups)
  const plan = panels && new PanelPlan(panels, drill, groups)
  const ofPanels = plan ? plan.metrics : new Set<string>()
  if (!ofRules || !ofPanels) return () => true
  return (metric) => ofRules.has(metric) || ofPanels.has(metric)
}

/** @param latticeMs that of the simulation that made the samples */
export async function createDrillJudgement(
  drill: Drill,
  options: JudgeDrillOptions,
  judge: Judge,
  latticeMs: number,
): Promise<DrillJudgement> {
  const { config, groups } = options
  const { externalLabels } = config
  const { startMs } = drill
  const { onActivity } = options
  const plan = options.panels && new PanelPlan(options.panels, drill, groups)
  const isShown = plan?.readsResults ? (recorded: string) => plan.shows(recorded) : undefined
  const evaluation = await createAlertEvaluation({
    judge,
    groups,
    startMs,
    latticeMs,
    externalLabels,
    externalUrl,
    ...(isShown && { isShown }),
    // The drill of the scenario evaluates them; a twin is there to tell alerts apart.
    unreadRecordings: drill.twin === undefined,
    onActivity,
  })
  const panels = plan && (await createPanelEvaluation(plan, { judge, drill, rules: evaluation }))
  return new DrillJudgement(drill, options, judge, latticeMs, evaluation, panels)
}

/** The judging half of a drill: takes samples window by window, and compares what happened with what the scenario says. */
export class DrillJudgement {
  readonly #drill: Drill
  readonly #options: JudgeDrillOptions
  readonly #judge: Judge
  readonly #latticeMs: number
  readonly #evaluation: AlertEvaluation
  readonly #operands: OperandObserver
  readonly #watch = new SeriesWatch()
  readonly #panels: PanelEvaluation | undefined
  readonly #observers: readonly DrillObserver[]

  constructor(
    drill: Drill,
    options: JudgeDrillOptions,
    judge: Judge,
    latticeMs: number,
    evaluation: AlertEvaluation,
    panels: PanelEvaluation | undefined,
  ) {
    this.#drill = drill
    this.#options = options
    this.#judge = judge
    this.#latticeMs = latticeMs
    this.#evaluation = evaluation
    this.#operands = new OperandObserver({
      rules: rulesToRecord(drill, options.groups, options.onEvidence !== undefined, options.alsoExplain),
      judgeOf: (rule) => evaluation.judgeOf(rule),
      startMs: drill.startMs,
      lengthMs: drill.lengthMs,
    })
    this.#panels = panels
    // Operands and panels show results of rules, which are there once those were evaluated.
    this.#observers = [evaluation, this.#operands, this.#watch, ...(panels ? [panels] : [])]
  }

  async take(batch: readonly SeriesSamples[], toMs: number): Promise<void> {
    // No target exposes what the drill says about itself: rules must not see it.
    const scraped = batch.filter(({ labels }) => !drillSeriesNames.includes(labels.__name__ ?? ''))
    this.#options.onSamples?.(scraped)
    await this.#judge.append(scraped)
    for (const observer of this.#observers) await observer.append(observer === this.#panels ? batch : scraped)
    for (const observer of this.#observers) await observer.advance(toMs)
    const lookbackMs = Math.max(...this.#observers.map((observer) => observer.lookbackMs))
    await this.#judge.forget(this.#drill.startMs + toMs - lookbackMs - this.#latticeMs)
  }

  async close(): Promise<void> {
    for (const observer of this.#observers) await observer.close()
  }

  /** @param startedMs wall time at the start */
  async conclude(simulated: SimulatedDrill, startedMs: number): Promise<DrillResult> {
    const drill = this.#drill
    const { config, foreignRules, groups, onActivity } = this.#options
    const { effects, evidence, streamHash, accounting } = simulated
    const evaluations = this.#evaluation.results()
    const explain = (one: RuleEvaluation, labels: Labels) => this.#explain(one, labels, simulated)
    const text = { judge: this.#judge, externalLabels: config.externalLabels, externalUrl, onActivity }
    const judged = await judgeAlerts({ drill, evaluations, text, foreignRules, explain })
    const questions = { drill, evaluations, alerts: judged, recorded: this.#operands.results(), explain }
    const alerts = shortReasons(questions)
    const steady = judgeSteady(drill, evaluations, foreignRules)
    const logs = await judgeLogs(drill, evidence)
    const traces = await judgeTraces(drill, evidence)
    const shown = this.#panels?.results() ?? []
    const panels = judgePanels(drill, shown, { explainAbsent: (one) => this.#explainAbsent(one, simulated) })
    const verdict = verdictOf({ alerts, steady, effects, panels, logs, traces })
    if (this.#options.onEvidence) {
      const collected = await collectEvidence(questions, simulated, this.#options.alsoExplain)
      this.#options.onEvidence({ ...collected, panels: panelEvidence(shown) })
    }
    return {
      scenario: drill.name,
      title: drill.title,
      seed: drill.seed,
      verdict,
      exitCode: exitCodeOf(verdict),
      judge: this.#judge.identity,
      virtualSeconds: drill.lengthMs / 1000,
      wallSeconds: Math.round(this.#options.wallClock() - startedMs) / 1000,
      streamHash,
      events: drill.events.map((event) => describeEvent(event)),
      alerts,
      effects,
      steady,
      panels,
      logs,
      traces,
      findings: findingsInDrill({
        drill,
        config,
        groups,
        evaluations: [...evaluations, ...this.#evaluation.recordings()],
        alerts,
        watch: this.#watch,
        explain,
      }),
      accounting,
      notes: [...config.notes, ...this.#absentExpectations()],
    }
  }

  /**
   * Why a selector of the rule finds nothing, when the scrape says so.
   * @param expected labels of the alert that was looked for: series that contradict them do not count
   */
  #explain({ rule }: RuleEvaluation, expected: Labels, { series: known, scrape }: SimulatedDrill): string | undefined {
    for (const selector of rule.facts.selectors) {
      if (selector.absent || selector.metric === undefined) continue
      const series = known
        .seriesOf(selector.metric)
        .filter((labels) => Object.entries(expected).every(([name, value]) => (labels[name] ?? value) === value))
      const exact = selector.matchers.filter(({ operator }) => operator === '=')
      if (series.some((labels) => exact.every(({ name, value }) => (labels[name] ?? '') === value))) continue
      return scrape.explainMissing(selector, series)
    }
    return undefined
  }

  /** A metric that no target has, not even as a family without series, never comes: the name is wrong. */
  #explainAbsent({ facts }: TargetEvaluation, { scrape, series }: SimulatedDrill): string | undefined {
    for (const selector of facts?.selectors ?? []) {
      const { metric } = selector
      if (metric === undefined || this.#panels!.isOwn(metric) || scrape.mayStore(metric)) continue
      return scrape.explainMissing(selector, series.seriesOf(metric))
    }
    return undefined
  }

  #absentExpectations(): string[] {
    const { panels } = this.#options
    const unmatched = panels ? unmatchedExpectations(this.#drill.expect.panels, panels.dashboards) : []
    const known = alertNames(this.#options.groups)
    return [
      ...Object.keys(this.#drill.expect.alerts)
        .filter((name) => !known.includes(name))
        .map((name) => `${name} is not in these rules`),
      ...unmatched.map(({ dashboard, panel }) => `panel ${dashboard} / ${panel} is not in these dashboards`),
    ]
  }
}

export function describeEvent(event: Drill['events'][number]): EventSpan {
  return {
    id: event.id,
    fault: event.fault,
    startS: event.startMs / 1000,
    endS: event.ends ? event.endMs / 1000 : null,
    description: findFault(event.fault)!.describe(event.params),
  }
}

interface Judged {
  readonly alerts: readonly AlertResult[]
  readonly steady: DrillResult['steady']
  readonly effects: DrillResult['effects']
  readonly panels: DrillResult['panels']
  readonly logs: DrillResult['logs']
  readonly traces: DrillResult['traces']
}

/** The first of these that holds; see the exit codes. */
export function verdictOf({ alerts, steady, effects, panels, logs, traces }: Judged): Verdict {
  if (steady && !steady.ok) return 'steady state did not hold'
  if (effects.some(({ ok }) => !ok)) return 'fault had no effect'
  if (alerts.some(({ ok, detail }) => !ok && detail.startsWith('can never fire'))) return 'rule can never fire'
  if (panels.some(({ ok, detail }) => !ok && detail.startsWith(neverAnyData))) return 'panel can never show data'
  const held = [...alerts, ...panels, ...logs, ...traces].every(({ ok }) => ok)
  return held ? 'held' : 'expectation failed'
}
