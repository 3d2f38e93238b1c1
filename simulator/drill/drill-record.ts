/**
 * A simulated drill kept on disk, to be judged as often as anybody likes: with other rules, other expectations of alerts,
 * or a mutant of one rule. Judging a record gives what running the drill would give, to the byte.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { RuleGroup } from '../alerts/load-rules.ts'
import { type Survey, surveyDrill } from '../findings/survey.ts'
import type { Judge, Labels, SeriesSamples } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { accountOfSelected, canonicalLabels } from '../scrape/sample-log.ts'
import { ScrapeRecord, type ScrapeState } from '../scrape/scrape-record.ts'
import type { VirtualWorld } from '../world/virtual-world.ts'
import type { DrillResult } from './drill-result.ts'
import { drillSeriesNames } from './drill-series.ts'
import { createDrillJudgement, type JudgeDrillOptions, metricsOfDrill } from './run-drill.ts'
import { readCapture } from './signal-capture.ts'
import { DrillSimulation, type SimulatedDrill, type SimulationOptions, type TakeWindow } from './simulate-drill.ts'
import type { SpanRecord } from './span-record.ts'

/** Plain data; samples, log lines and spans stand in files of the same folder. */
export interface DrillRecord {
  readonly drill: Drill
  readonly latticeMs: number
  readonly prometheusVersion: string
  readonly labels: readonly Labels[]
  /** Samples of each of the series. */
  readonly counts: readonly number[]
  /** Of the file with the samples. */
  readonly windows: readonly { readonly toMs: number; readonly offset: number; readonly length: number }[]
  readonly scrape: ScrapeState
  readonly effects: SimulatedDrill['effects']
  readonly readings: SimulatedDrill['readings']
  /** Who answers at the addresses that are scraped, and every address at which somebody does. */
  readonly world: { readonly processes: Readonly<Record<string, string>>; readonly addresses: readonly string[] }
  /** Names of the files with the captured signals. */
  readonly signals: { readonly logs: string; readonly spans: string }
  readonly streamHash: string
  readonly accounting: DrillResult['accounting']
}

/**
 * Simulates a drill and keeps it.
 * @param folder is made
 * @param take gets the samples beside the record, to judge the drill at once
 */
export async function recordDrill(
  drill: Drill,
  folder: string,
  options: Omit<SimulationOptions, 'folder'>,
  take: TakeWindow = async () => {},
): Promise<{ readonly record: DrillRecord; readonly simulated: SimulatedDrill }> {
  mkdirSync(folder, { recursive: true })
  const simulation = new DrillSimulation(drill, { ...options, folder })
  const writer = new SampleWriter(join(folder, samplesFile))
  try {
    const simulated = await simulation.run(async (batch, toMs) => {
      writer.write(batch, toMs)
      await take(batch, toMs)
    })
    const { scrape, effects, readings, streamHash, accounting } = simulated
    const files = simulation.keepSignals()
    const signals = { logs: basename(files.logs), spans: basename(files.spans) }
    const record: DrillRecord = {
      drill,
      latticeMs: options.latticeMs,
      prometheusVersion: options.prometheusVersion,
      labels: writer.labels,
      counts: writer.counts,
      windows: writer.windows,
      scrape: scrape.state,
      effects,
      readings,
      world: whoAnswers(simulation.world, options.config),
      signals,
      streamHash,
      accounting,
    }
    writeFileSync(join(folder, recordFile), serialize(record))
    return { record, simulated: { ...simulated, evidence: evidenceOf(record, folder) } }
  } finally {
    writer.close()
    simulation.close()
  }
}

export function openRecord(folder: string): DrillRecord {
  return deserialize(readFileSync(join(folder, recordFile))) as DrillRecord
}

export function removeRecord(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/**
 * Hands the samples on as the simulation did.
 * @param selects the metrics to hand on
 * @param untilMs end of a shorter drill that goes the same way, milliseconds since the start
 */
export async function replayRecord(
  { drill, labels, windows }: DrillRecord,
  folder: string,
  selects: (metric: string) => boolean,
  take: TakeWindow,
  untilMs = drill.lengthMs,
): Promise<void> {
  const wanted = labels.map(({ __name__: name }) => selects(name ?? ''))
  const file = openSync(join(folder, samplesFile), 'r')
  try {
    for (const { toMs, offset, length } of windows) {
      const bytes = new Uint8Array(length)
      readSync(file, bytes, 0, length, offset)
      const batch = readWindow(new Float64Array(bytes.buffer), labels, wanted)
      if (toMs < untilMs) {
        await take(batch, toMs)
        continue
      }
      await take(toMs === untilMs ? batch : batch.map((series) => upTo(series, drill.startMs + untilMs)), untilMs)
      break
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Judges a record as the drill would have been judged.
 * @param drill the recorded drill; only what it expects may differ, and it may be shorter
 * @param judge an empty one, which the caller closes
 */
export async function judgeRecord(
  record: DrillRecord,
  folder: string,
  drill: Drill,
  options: JudgeDrillOptions,
  judge: Judge,
): Promise<DrillResult> {
  const startedMs = options.wallClock()
  const judgement = await createDrillJudgement(drill, options, judge, record.latticeMs)
  try {
    let delivered = 0
    const take: TakeWindow = async (batch, toMs) => {
      for (const { labels, timesMs } of batch) {
        if (!drillSeriesNames.includes(labels.__name__ ?? '')) delivered += timesMs.length
      }
      await judgement.take(batch, toMs)
    }
    await replayRecord(record, folder, metricsOfDrill(drill, options), take, drill.lengthMs)
    return await judgement.conclude(simulatedOf(record, folder, delivered), startedMs)
  } finally {
    await judgement.close()
  }
}

/** How many samples a judge gets that is given these metrics. */
export function deliveredTo({ labels, counts }: DrillRecord, selects: (metric: string) => boolean): number {
  return labels.reduce((sum, { __name__: name = '' }, i) => {
    return selects(name) && !drillSeriesNames.includes(name) ? sum + counts[i]! : sum
  }, 0)
}

/** What the drill exposed and stored, for findings over all drills of a run. */
export function surveyRecord(record: DrillRecord, groups: readonly RuleGroup[], config: PrometheusConfig): Survey {
  const { processes, addresses } = record.world
  const scraped = record.labels.filter(({ __name__: name = '' }) => !drillSeriesNames.includes(name))
  return surveyDrill({
    samples: { series: () => scraped.values() },
    record: new ScrapeRecord(record.scrape),
    groups,
    config,
    world: {
      processAt: (address) => (processes[address] === undefined ? undefined : { name: processes[address] }),
      addresses: () => addresses,
    },
  })
}

function whoAnswers(world: VirtualWorld, { jobs }: PrometheusConfig): DrillRecord['world'] {
  const scraped = jobs.flatMap(({ targets }) => targets.map(({ address }) => address))
  const known = scraped.flatMap((address) => {
    const process = world.processAt(address)
    return process ? [[address, process.name] as const] : []
  })
  return { processes: Object.fromEntries(known), addresses: world.addresses() }
}

const samplesFile = 'samples.bin'
const recordFile = 'record.bin'

/** @param delivered samples that went to the judge */
export function simulatedOf(record: DrillRecord, folder: string, delivered: number): SimulatedDrill {
  const { labels, effects, readings, streamHash, accounting, scrape } = record
  return {
    scrape: new ScrapeRecord(scrape),
    series: {
      seriesOf: (metric) => labels.filter(({ __name__: name }) => name === metric),
      metricNames: () => new Set(labels.map(({ __name__: name }) => name ?? '')),
    },
    effects,
    readings,
    evidence: evidenceOf(record, folder),
    streamHash,
    accounting: { ...accounting, metrics: accountOfSelected(accounting.metrics, delivered) },
  }
}

function evidenceOf({ signals }: DrillRecord, folder: string): SimulatedDrill['evidence'] {
  return {
    logs: () => readCapture(join(folder, signals.logs)),
    spans: () => readCapture(join(folder, signals.spans)) as unknown as AsyncIterable<SpanRecord>,
  }
}

/** Writes windows as 64 bit words: for each series its number, counts of samples and stale markers, times, values, markers. */
class SampleWriter {
  readonly labels: Labels[] = []
  readonly counts: number[] = []
  readonly windows: { toMs: number; offset: number; length: number }[] = []
  readonly #file: number
  readonly #numbers = new Map<string, number>()
  #offset = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  write(batch: readonly SeriesSamples[], toMs: number): void {
    const words = batch.reduce((sum, { timesMs, stale }) => sum + 3 + 2 * timesMs.length + stale.length, 0)
    const window = new Float64Array(words)
    let at = 0
    for (const { labels, timesMs, values, stale } of batch) {
      const number = this.#numberOf(labels)
      this.counts[number]! += timesMs.length
      window.set([number, timesMs.length, stale.length], at)
      window.set(timesMs, at + 3)
      window.set(values, at + 3 + timesMs.length)
      window.set(stale, at + 3 + 2 * timesMs.length)
      at += 3 + 2 * timesMs.length + stale.length
    }
    const bytes = new Uint8Array(window.buffer)
    writeSync(this.#file, bytes)
    this.windows.push({ toMs, offset: this.#offset, length: bytes.length })
    this.#offset += bytes.length
  }

  #numberOf(labels: Labels): number {
    const key = canonicalLabels(labels)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.labels.length
      this.#numbers.set(key, number)
      this.labels.push(labels)
      this.counts.push(0)
    }
    return number
  }

  close(): void {
    closeSync(this.#file)
  }
}

function readWindow(window: Float64Array, labels: readonly Labels[], wanted: readonly boolean[]): SeriesSamples[] {
  const batch: SeriesSamples[] = []
  for (let at = 0; at < window.length; ) {
    const number = window[at]!
    const count = window[at + 1]!
    const stale = window[at + 2]!
    const valuesAt = at + 3 + count
    const staleAt = valuesAt + count
    if (wanted[number]) {
      batch.push({
        labels: labels[number]!,
        timesMs: window.subarray(at + 3, valuesAt),
        values: window.subarray(valuesAt, staleAt),
        stale: Array.from(window.subarray(staleAt, staleAt + stale)),
      })
    }
    at = staleAt + stale
  }
  return batch
}

/** The samples up to and including a time. */
function upTo({ labels, timesMs, values, stale }: SeriesSamples, timeMs: number): SeriesSamples {
  const later = timesMs.findIndex((at) => at > timeMs)
  const count = later < 0 ? timesMs.length : later
  return {
    labels,
    timesMs: timesMs.slice(0, count),
    values: values.slice(0, count),
    stale: stale.filter((position) => position < count),
  }
}
