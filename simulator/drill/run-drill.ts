/**
 * One drill from start to end: builds the world, lets it run in virtual time, scrapes it, hands the samples to the judge,
 * evaluates the rules, and compares what happened with what the scenario says.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createRng } from '../../services/runtime/rng.ts'
import { type AlertEvaluation, createAlertEvaluation, type RuleEvaluation } from '../alerts/evaluate.ts'
import { alertNames, type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import { judgeAlerts, judgeSteady } from '../expectations/alert.ts'
import { judgeLogs } from '../expectations/log.ts'
import { judgeTraces } from '../expectations/trace.ts'
import { findFault } from '../faults/index.ts'
import type { Judge, Labels, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { timelineOf } from '../scenario/timeline.ts'
import { latticeOf } from '../scrape/lattice.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { SampleLog } from '../scrape/sample-log.ts'
import { Scraper } from '../scrape/scraper.ts'
import { createFaultControls } from '../world/fault-controls.ts'
import { createTargetReader } from '../world/target-reader.ts'
import { VirtualWorld } from '../world/virtual-world.ts'
import type { DrillObserver } from './drill-observer.ts'
import type { AlertResult, DrillResult, EventSpan, Finding, Verdict } from './drill-result.ts'
import { EffectWitness } from './effect-witness.ts'
import { exitCodeOf } from './exit-codes.ts'
import { SignalCapture } from './signal-capture.ts'
import { type SpanRecord, spanRecord } from './span-record.ts'

export interface RunDrillOptions {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  /** Makes the judge of this drill, which is closed at the end. */
  readonly createJudge: () => Promise<Judge>
  /** The rules are not the platform's own. */
  readonly foreignRules: boolean
  /** Folder for captured signals; a folder inside of it is made and removed. */
  readonly temporaryFolder: string
  readonly onProgress?: (progress: { virtualMs: number; lengthMs: number }) => void
  /** Told of the samples that go to the judge, for exports and benchmarks. */
  readonly onSamples?: (batch: readonly SeriesSamples[]) => void
  /** Which metrics go to the judge; those that the rules select, when left out. */
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
  /** Milliseconds of a clock that only wall times are read from. */
  readonly wallClock: () => number
}

/** Samples are handed on, and rules evaluated, in windows of about this length: memory stays flat in virtual time. */
const windowMs = 1_800_000
/** Progress is told, and others get a turn, after this much virtual time. */
const sliceMs = 60_000
const externalUrl = 'http://prometheus:9090'

/** @throws JudgeError when the judge can't be reached or does not answer; any other error is a bug of ours */
export async function runDrill(drill: Drill, options: RunDrillOptions): Promise<DrillResult> {
  const startedMs = options.wallClock()
  mkdirSync(options.temporaryFolder, { recursive: true })
  const folder = mkdtempSync(join(options.temporaryFolder, 'drill-'))
  const logs = new SignalCapture(folder, 'logs')
  const spans = new SignalCapture(folder, 'spans')
  let judge: Judge | undefined
  let evaluation: AlertEvaluation | undefined
  try {
    judge = await options.createJudge()
    const run = new DrillRun(drill, options, judge, { logs, spans })
    evaluation = await run.createEvaluation()
    await run.simulate([evaluation])
    return await run.conclude(evaluation, startedMs)
  } finally {
    await evaluation?.close()
    await judge?.close()
    logs.close()
    spans.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

class DrillRun {
  readonly #drill: Drill
  readonly #options: RunDrillOptions
  readonly #judge: Judge
  readonly #signals: { logs: SignalCapture; spans: SignalCapture }
  readonly #world: VirtualWorld
  readonly #samples: SampleLog
  readonly #scraper: Scraper
  readonly #witness: EffectWitness
  readonly #latticeMs: number

  constructor(
    drill: Drill,
    options: RunDrillOptions,
    judge: Judge,
    signals: { logs: SignalCapture; spans: SignalCapture },
  ) {
    this.#drill = drill
    this.#options = options
    this.#judge = judge
    this.#signals = signals
    const { config, groups } = options
    const wanted = selectedMetrics(groups)
    this.#samples = new SampleLog(options.selects ?? ((metric) => wanted?.has(metric) ?? true))
    this.#world = new VirtualWorld({
      world: drill.world,
      seed: drill.seed,
      startMs: drill.startMs,
      load: drill.load,
      onLogLine: (_, line) => signals.logs.write(line),
      onSpan: (span) => signals.spans.write(`${JSON.stringify(spanRecord(span))}\n`),
      prometheus: {
        version: judge.identity.version,
        headSeries: () => this.#samples.seriesCount,
        samplesAppended: () => this.#samples.samplesCount,
      },
    })
    const targets = config.jobs.flatMap((job) => job.targets)
    this.#latticeMs = latticeOf([
      ...targets.map(({ intervalMs }) => intervalMs),
      ...groups.map(({ intervalMs }) => intervalMs),
    ])
    this.#scraper = new Scraper({
      config,
      clock: this.#world.clock,
      rng: createRng(drill.seed, 'scrape'),
      latticeMs: this.#latticeMs,
      startMs: drill.startMs,
      reader: createTargetReader(this.#world),
      log: this.#samples,
      observe: drill.observe,
      majorVersion: judge.identity.version.startsWith('2.') ? 2 : 3,
    })
    this.#witness = new EffectWitness(this.#world, drill)
  }

  createEvaluation(): Promise<AlertEvaluation> {
    const { config, groups } = this.#options
    return createAlertEvaluation({
      judge: this.#judge,
      groups,
      startMs: this.#drill.startMs,
      latticeMs: this.#latticeMs,
      externalLabels: config.externalLabels,
      externalUrl,
    })
  }

  async simulate(observers: readonly DrillObserver[]): Promise<void> {
    const { lengthMs, startMs } = this.#drill
    const { kernel } = this.#world
    this.#options.onWorld?.(this.#world)
    this.#scheduleFaults()
    this.#world.start()
    this.#witness.start()
    for (const loop of this.#scraper.run()) kernel.spawn(loop)
    let windowStartMs = 0
    for (let atMs = 0; atMs < lengthMs; ) {
      atMs = Math.min(atMs + sliceMs, lengthMs)
      await kernel.runUntil(atMs)
      this.#options.onProgress?.({ virtualMs: atMs, lengthMs })
      if (atMs - windowStartMs < windowMs && atMs < lengthMs) continue
      windowStartMs = atMs
      const batch = this.#samples.drain()
      this.#options.onSamples?.(batch)
      await this.#judge.append(batch)
      for (const observer of observers) await observer.append(batch)
      for (const observer of observers) await observer.advance(atMs)
      const lookbackMs = Math.max(...observers.map((observer) => observer.lookbackMs))
      await this.#judge.forget(startMs + atMs - lookbackMs - this.#latticeMs)
      // The kernel's steps are ticks and microtasks: without this, timers and messages would starve.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #scheduleFaults(): void {
    const controls = createFaultControls(this.#world)
    const active = new Map<string, { setSeverity(severity: number): void; stop(): void }>()
    for (const { atMs, event, action, severity } of timelineOf(this.#drill)) {
      this.#world.kernel.at(atMs, () => {
        if (action === 'start') active.set(event.id, findFault(event.fault)!.start(controls, event.params))
        if (action === 'stop') active.get(event.id)?.stop()
        else active.get(event.id)?.setSeverity(severity)
      })
    }
  }

  async conclude(evaluation: AlertEvaluation, startedMs: number): Promise<DrillResult> {
    const drill = this.#drill
    const { config, foreignRules } = this.#options
    const evaluations = evaluation.results()
    const explain = (one: RuleEvaluation, labels: Labels) => this.#explain(one, labels)
    const text = { judge: this.#judge, externalLabels: config.externalLabels, externalUrl }
    const alerts = await judgeAlerts({ drill, evaluations, text, foreignRules, explain })
    const steady = judgeSteady(drill, evaluations)
    const effects = this.#witness.results()
    const { logs: logLines, spans } = this.#signals
    const evidence = {
      logs: () => logLines.records(),
      spans: () => spans.records() as unknown as AsyncIterable<SpanRecord>,
    }
    const logs = await judgeLogs(drill, evidence)
    const traces = await judgeTraces(drill, evidence)
    await this.#options.onSignals?.({ ...evidence, world: this.#world, samples: this.#samples })
    const verdict = verdictOf({ alerts, steady, effects, logs, traces })
    const hash = createHash('sha256')
    for (const part of [this.#samples.digest(), logLines.digest(), spans.digest()]) hash.update(part)
    return {
      scenario: drill.name,
      title: drill.title,
      seed: drill.seed,
      verdict,
      exitCode: exitCodeOf(verdict),
      judge: this.#judge.identity,
      virtualSeconds: drill.lengthMs / 1000,
      wallSeconds: Math.round(this.#options.wallClock() - startedMs) / 1000,
      streamHash: hash.digest('hex').slice(0, 16),
      events: drill.events.map((event) => describeEvent(event)),
      alerts,
      effects,
      steady,
      panels: [],
      logs,
      traces,
      findings: this.#findings(evaluations, alerts),
      accounting: {
        metrics: this.#samples.accounting,
        logs: logLines.accounting,
        traces: spans.accounting,
      },
      notes: [...config.notes, ...this.#absentExpectations()],
    }
  }

  /**
   * Why a selector of the rule finds nothing, when the scrape says so.
   * @param expected labels of the alert that was looked for: series that contradict them do not count
   */
  #explain({ rule }: RuleEvaluation, expected: Labels): string | undefined {
    for (const selector of rule.facts.selectors) {
      if (selector.absent || selector.metric === undefined) continue
      const series = this.#samples
        .seriesOf(selector.metric)
        .filter((labels) => Object.entries(expected).every(([name, value]) => (labels[name] ?? value) === value))
      const exact = selector.matchers.filter(({ operator }) => operator === '=')
      if (series.some((labels) => exact.every(({ name, value }) => (labels[name] ?? '') === value))) continue
      return this.#scraper.record.explainMissing(selector, series)
    }
    return undefined
  }

  #absentExpectations(): string[] {
    const known = alertNames(this.#options.groups)
    return Object.keys(this.#drill.expect.alerts)
      .filter((name) => !known.includes(name))
      .map((name) => `${name} is not in these rules`)
  }

  #findings(evaluations: readonly RuleEvaluation[], alerts: readonly AlertResult[]): Finding[] {
    const findings: Finding[] = []
    for (const evaluation of evaluations) {
      const { rule, failures, everTrue, notJudged } = evaluation
      const where = rule.place
      if (notJudged !== undefined) {
        const message = `${rule.name} is not judged: ${notJudged}`
        findings.push({ code: 'rule-not-judged', severity: 'warning', where, message, evidence: rule.expression })
      }
      if (failures.length > 0) {
        const message = `${rule.name}: ${failures.length} evaluations fail`
        const evidence = failures[0]!.message
        findings.push({ code: 'evaluation-failed', severity: 'error', where, message, evidence })
      }
      const missed = alerts.find(({ alertname, ok }) => alertname === rule.name && !ok)
      const reason = everTrue || !missed ? undefined : this.#explain(evaluation, missed.labels)
      if (reason !== undefined) {
        const message = `${rule.name} can never fire`
        findings.push({ code: 'rule-unreachable', severity: 'error', where, message, evidence: reason })
      }
    }
    return findings
  }
}

function describeEvent(event: Drill['events'][number]): EventSpan {
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
  readonly logs: DrillResult['logs']
  readonly traces: DrillResult['traces']
}

/** The first of these that holds; see the exit codes. */
function verdictOf({ alerts, steady, effects, logs, traces }: Judged): Verdict {
  if (steady && !steady.ok) return 'steady state did not hold'
  if (effects.some(({ ok }) => !ok)) return 'fault had no effect'
  if (alerts.some(({ ok, detail }) => !ok && detail.startsWith('can never fire'))) return 'rule can never fire'
  const held = [...alerts, ...logs, ...traces].every(({ ok }) => ok)
  return held ? 'held' : 'expectation failed'
}
