/**
 * One drill from start to end: simulates it, hands the samples to the judge as they come, evaluates the rules, and
 * compares what happened with what the scenario says.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type AlertEvaluation, createAlertEvaluation, type RuleSamples } from '../alerts/evaluate.ts'
import { type Rule, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import {
  createPanelEvaluation,
  type PanelEvaluation,
  PanelPlan,
  type PanelSources,
} from '../dashboards/panel-evaluation.ts'
import { OperandObserver, type OperandObserverOptions, rulesToRecord } from '../explain/operand-observer.ts'
import { SeriesWatch } from '../findings/series-watch.ts'
import { type Survey, surveyDrill } from '../findings/survey.ts'
import type { Judge, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import type { SampleLog } from '../scrape/sample-log.ts'
import type { VirtualWorld } from '../world/virtual-world.ts'
import { concludeDrill, externalUrl } from './conclude-drill.ts'
import type { DrillEvidence } from './drill-evidence.ts'
import type { DrillObserver } from './drill-observer.ts'
import type { DrillResult } from './drill-result.ts'
import { drillSeriesNames } from './drill-series.ts'
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
  /** False: no findings are looked for, to see what they cost. */
  readonly looksForFindings?: boolean
  /** Told at the end what was exposed and stored, for findings over all drills of a run. */
  readonly onSurvey?: (survey: Survey) => void
  /** Told which rule or text the judge is about to look at, in case that it never comes back. */
  readonly onActivity?: ((what: string) => void) | undefined
  /** Milliseconds of a clock that only wall times are read from. */
  readonly wallClock: () => number
}

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
  | 'looksForFindings'
  | 'wallClock'
>

/** Which metrics the judge of a drill has to be given: those that rules and panels select. */
export function metricsOfDrill(
  drill: Drill,
  { groups, panels }: Pick<JudgeDrillOptions, 'groups' | 'panels'>,
): (metric: string) => boolean {
  const ofRules = selectedMetrics(groups)
  const plan = panels && PanelPlan.of(panels, drill, groups)
  return anyOf(ofRules, plan ? plan.metrics : new Set<string>())
}

/** Undefined stands for every metric. */
export function anyOf(...sets: readonly (ReadonlySet<string> | undefined)[]): (metric: string) => boolean {
  return (metric) => sets.some((set) => set === undefined || set.has(metric))
}

/** Which parts of a drill are judged; all, when left out. */
export interface JudgedParts {
  readonly rules: ReadonlySet<Rule>
  /** Rules whose operands are recorded. */
  readonly operands: OperandObserverOptions['rules']
  /** Undefined: there are no dashboards. */
  readonly panels: PanelPlan | undefined
  /** What rules wrote that are not evaluated again, window by window. */
  readonly takeResults: () => readonly RuleSamples[]
}

/**
 * @param latticeMs that of the simulation that made the samples
 * @param only judges these parts alone; the others are known
 */
export async function createDrillJudgement(
  drill: Drill,
  options: JudgeDrillOptions,
  judge: Judge,
  latticeMs: number,
  only?: JudgedParts,
): Promise<DrillJudgement> {
  const { config, groups, onActivity } = options
  const { externalLabels } = config
  const { startMs, lengthMs } = drill
  const shown = options.panels && PanelPlan.of(options.panels, drill, groups)
  const isShown = shown?.readsResults ? (recorded: string) => shown.shows(recorded) : undefined
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
    only: only?.rules,
    onActivity,
  })
  const operands = new OperandObserver({
    rules: only?.operands ?? rulesToRecord(drill, groups, options.onEvidence !== undefined, options.alsoExplain),
    judgeOf: (rule) => evaluation.judgeOf(rule),
    startMs,
    lengthMs,
    onActivity,
  })
  const plan = only ? only.panels : shown
  const takeResults = () => [...(only?.takeResults() ?? []), ...evaluation.takeResults()]
  const panels = plan && (await createPanelEvaluation(plan, { judge, drill, rules: { takeResults }, onActivity }))
  return new DrillJudgement(drill, options, judge, latticeMs, evaluation, operands, panels)
}

/** The judging half of a drill: takes samples window by window, and gathers what rules and panels made of them. */
export class DrillJudgement {
  readonly evaluation: AlertEvaluation
  readonly operands: OperandObserver
  readonly panels: PanelEvaluation | undefined
  readonly watch = new SeriesWatch()
  readonly #drill: Drill
  readonly #options: JudgeDrillOptions
  readonly #judge: Judge
  readonly #latticeMs: number
  readonly #observers: readonly DrillObserver[]

  constructor(
    drill: Drill,
    options: JudgeDrillOptions,
    judge: Judge,
    latticeMs: number,
    evaluation: AlertEvaluation,
    operands: OperandObserver,
    panels: PanelEvaluation | undefined,
  ) {
    this.#drill = drill
    this.#options = options
    this.#judge = judge
    this.#latticeMs = latticeMs
    this.evaluation = evaluation
    this.operands = operands
    this.panels = panels
    // Operands and panels show results of rules, which are there once those were evaluated.
    const watch = options.looksForFindings === false ? [] : [this.watch]
    this.#observers = [evaluation, operands, ...watch, ...(panels ? [panels] : [])]
  }

  async take(batch: readonly SeriesSamples[], toMs: number): Promise<void> {
    // No target exposes what the drill says about itself: rules must not see it.
    const scraped = batch.filter(({ labels }) => !drillSeriesNames.includes(labels.__name__ ?? ''))
    this.#options.onSamples?.(scraped)
    await this.#judge.append(scraped)
    for (const observer of this.#observers) await observer.append(observer === this.panels ? batch : scraped)
    for (const observer of this.#observers) await observer.advance(toMs)
    const lookbackMs = Math.max(...this.#observers.map((observer) => observer.lookbackMs))
    await this.#judge.forget(this.#drill.startMs + toMs - lookbackMs - this.#latticeMs)
  }

  async close(): Promise<void> {
    for (const observer of this.#observers) await observer.close()
  }

  /** @param startedMs wall time at the start */
  conclude(simulated: SimulatedDrill, startedMs: number): Promise<DrillResult> {
    const gathered = {
      evaluations: this.evaluation.results(),
      recordings: this.evaluation.recordings(),
      operands: this.operands.results(),
      targets: this.panels?.evaluations() ?? [],
      watch: this.watch,
    }
    return concludeDrill({
      drill: this.#drill,
      options: this.#options,
      judge: this.#judge,
      simulated,
      gathered,
      startedMs,
    })
  }
}
