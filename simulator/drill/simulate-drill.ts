/**
 * The simulated half of a drill: the world breaks as the scenario says and is scraped, in virtual time. Samples are handed
 * on window by window; what else there is to judge stands in the result. No rule is looked at here.
 */
import { createHash } from 'node:crypto'
import { createRng } from '../../services/runtime/rng.ts'
import type { RuleGroup } from '../alerts/load-rules.ts'
import type { Evidence } from '../expectations/evidence.ts'
import { findFault } from '../faults/index.ts'
import type { SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { timelineOf } from '../scenario/timeline.ts'
import { latticeOf } from '../scrape/lattice.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { SampleLog } from '../scrape/sample-log.ts'
import type { ScrapeRecord } from '../scrape/scrape-record.ts'
import { Scraper } from '../scrape/scraper.ts'
import { createFaultControls } from '../world/fault-controls.ts'
import { createTargetReader } from '../world/target-reader.ts'
import { VirtualWorld } from '../world/virtual-world.ts'
import type { EffectEvidence } from './drill-evidence.ts'
import type { DrillResult, EffectResult } from './drill-result.ts'
import { DrillSeries, drillSeriesIntervalMs, drillSeriesNames } from './drill-series.ts'
import { EffectWitness, witnessedWorld } from './effect-witness.ts'
import { SignalCapture } from './signal-capture.ts'
import { type SpanRecord, spanRecord } from './span-record.ts'

export interface SimulationOptions {
  readonly config: PrometheusConfig
  /** Scrapes lie half way between multiples of this, milliseconds; see `drillLattice`. */
  readonly latticeMs: number
  /** Of the judge: the simulated server reports it, and scrapes as this version does. */
  readonly prometheusVersion: string
  /** Which metrics are handed on. */
  readonly selects: (metric: string) => boolean
  /** Folder of this drill alone, for captured signals; whoever made it removes it. */
  readonly folder: string
  readonly onProgress?: ((progress: { virtualMs: number; lengthMs: number }) => void) | undefined
  /** Gets the world before it starts, for tests that look into it. */
  readonly onWorld?: ((world: VirtualWorld) => void) | undefined
  /** False: log lines and spans are made, and forgotten; the hash of the stream is then of metrics alone. */
  readonly capturesSignals?: boolean
}

/** Takes the samples since the last window; all samples up to and including `toMs` (since the start of the drill) are there. */
export type TakeWindow = (batch: readonly SeriesSamples[], toMs: number) => Promise<void>

/** What a simulation leaves to be judged, beside its samples. */
export interface SimulatedDrill {
  readonly scrape: ScrapeRecord
  readonly series: Pick<SampleLog, 'seriesOf' | 'metricNames'>
  readonly effects: readonly EffectResult[]
  /** The readings behind the effects. */
  readonly readings: readonly EffectEvidence[]
  readonly evidence: Evidence
  readonly streamHash: string
  readonly accounting: DrillResult['accounting']
}

/**
 * Samples are handed on in equal windows of at most this length: memory stays flat in virtual time. Queries that look far
 * back do so once for each window, so that a short rest would cost as much as a whole one.
 */
const windowMsMax = 2_700_000
/** Only a drill of days has longer ones: with more windows than this, rules over days would make it quadratic. */
const windowsMax = 24
/** Progress is told, and others get a turn, after this much virtual time. */
const sliceMs = 60_000

/** Where scrapes and evaluations of these jobs and groups may lie, milliseconds. */
export function drillLattice(config: PrometheusConfig, groups: readonly RuleGroup[]): number {
  const targets = config.jobs.flatMap((job) => job.targets)
  return latticeOf([...targets.map(({ intervalMs }) => intervalMs), ...groups.map(({ intervalMs }) => intervalMs)])
}

export class DrillSimulation {
  readonly world: VirtualWorld
  readonly samples: SampleLog
  readonly #drill: Drill
  readonly #options: SimulationOptions
  readonly #signals: { readonly logs: SignalCapture; readonly spans: SignalCapture }
  readonly #scraper: Scraper
  readonly #witness: EffectWitness

  constructor(drill: Drill, options: SimulationOptions) {
    this.#drill = drill
    this.#options = options
    const signals = {
      logs: new SignalCapture(options.folder, 'logs'),
      spans: new SignalCapture(options.folder, 'spans'),
    }
    this.#signals = signals
    const captures = options.capturesSignals ?? true
    this.samples = new SampleLog(options.selects)
    this.world = new VirtualWorld({
      world: drill.world,
      seed: drill.seed,
      startMs: drill.startMs,
      load: drill.load,
      onLogLine: (_, line) => captures && signals.logs.write(line),
      onSpan: (span) => captures && signals.spans.write(`${JSON.stringify(spanRecord(span))}\n`),
      prometheus: {
        version: options.prometheusVersion,
        headSeries: () => this.samples.seriesCount,
        samplesAppended: () => this.samples.samplesCount,
      },
    })
    this.#scraper = new Scraper({
      config: options.config,
      clock: this.world.clock,
      rng: createRng(drill.seed, 'scrape'),
      latticeMs: options.latticeMs,
      startMs: drill.startMs,
      reader: createTargetReader(this.world),
      log: this.samples,
      observe: drill.observe,
      majorVersion: options.prometheusVersion.startsWith('2.') ? 2 : 3,
    })
    this.#witness = new EffectWitness(witnessedWorld(this.world), drill)
  }

  async run(take: TakeWindow): Promise<SimulatedDrill> {
    const { lengthMs } = this.#drill
    const { kernel } = this.world
    this.#options.onWorld?.(this.world)
    this.#scheduleFaults()
    this.world.start()
    this.#witness.start()
    for (const loop of this.#scraper.run()) kernel.spawn(loop)
    const own = drillSeriesNames.some(this.#options.selects) ? new DrillSeries(this.#drill) : undefined
    if (own) kernel.spawn(this.#recordSignals(own))
    const windowMs = lengthMs / Math.min(windowsMax, Math.ceil(lengthMs / windowMsMax))
    let windowStartMs = 0
    for (let atMs = 0; atMs < lengthMs; ) {
      atMs = Math.min(atMs + sliceMs, lengthMs)
      await kernel.runUntil(atMs)
      this.#options.onProgress?.({ virtualMs: atMs, lengthMs })
      if (atMs - windowStartMs < windowMs && atMs < lengthMs) continue
      windowStartMs = atMs
      await take([...this.samples.drain(), ...(own?.takeUntil(atMs) ?? [])], atMs)
      // The kernel's steps are ticks and microtasks: without this, timers and messages would starve.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return this.#result()
  }

  /** Leaves the captured signals in the folder. @returns their files */
  keepSignals(): { readonly logs: string; readonly spans: string } {
    return { logs: this.#signals.logs.keep(), spans: this.#signals.spans.keep() }
  }

  close(): void {
    this.#signals.logs.close()
    this.#signals.spans.close()
  }

  async #recordSignals(own: DrillSeries): Promise<void> {
    for (;;) {
      const { logs, spans } = this.#signals
      const signals = { metrics: this.samples.accounting, logs: logs.accounting, traces: spans.accounting }
      own.recordSignals(this.world.kernel.nowMs, signals)
      await this.world.kernel.sleep(drillSeriesIntervalMs)
    }
  }

  #scheduleFaults(): void {
    const controls = createFaultControls(this.world)
    const active = new Map<string, { setSeverity(severity: number): void; stop(): void }>()
    for (const { atMs, event, action, severity } of timelineOf(this.#drill)) {
      this.world.kernel.at(atMs, () => {
        if (action === 'start') active.set(event.id, findFault(event.fault)!.start(controls, event.params))
        if (action === 'stop') active.get(event.id)?.stop()
        else active.get(event.id)?.setSeverity(severity)
      })
    }
  }

  #result(): SimulatedDrill {
    const { logs, spans } = this.#signals
    const hash = createHash('sha256')
    for (const part of [this.samples.digest(), logs.digest(), spans.digest()]) hash.update(part)
    return {
      scrape: this.#scraper.record,
      series: this.samples,
      effects: this.#witness.results(),
      readings: this.#witness.readings(),
      evidence: {
        logs: () => logs.records(),
        spans: () => spans.records() as unknown as AsyncIterable<SpanRecord>,
      },
      streamHash: hash.digest('hex').slice(0, 16),
      accounting: { metrics: this.samples.accounting, logs: logs.accounting, traces: spans.accounting },
    }
  }
}
