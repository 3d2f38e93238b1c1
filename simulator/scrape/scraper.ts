/**
 * Scrapes targets as Prometheus does, in virtual time: each target on its own interval and offset; adds `up` and the
 * scrape_* series; marks stale what disappears. Source: Prometheus scrape/scrape.go.
 */
import type { Clock, Rng } from '../../services/runtime/ports.ts'
import type { Labels } from '../judge/judge.ts'
import type { ObserveEvent } from '../scenario/scenario.ts'
import type { PrometheusConfig, ScrapeJob, ScrapeTarget } from './prometheus-config.ts'
import type { SampleLog, SeriesColumn } from './sample-log.ts'
import { ScrapeRecord } from './scrape-record.ts'

export interface TargetReader {
  /** Fetches an exposition; takes virtual time. */
  read(request: { address: string; path: string; job: string }, timeoutMs: number): Promise<TargetReading>
}

export type TargetReading =
  | { readonly ok: true; readonly families: readonly MetricFamily[]; readonly durationMs: number }
  | { readonly ok: false; readonly error: string; readonly durationMs: number }

/** What prom-client's `getMetricsAsJSON` gives for one metric. */
export interface MetricFamily {
  readonly name: string
  readonly values: readonly ExposedSample[]
}

export interface ExposedSample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Set for the series of a histogram: `x_bucket`, `x_sum`, `x_count`. */
  readonly metricName?: string
}

export interface ScraperOptions {
  readonly config: PrometheusConfig
  readonly clock: Clock
  readonly rng: Rng
  /** Scrapes take place half way between two multiples of this. */
  readonly latticeMs: number
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  readonly reader: TargetReader
  readonly log: SampleLog
  readonly observe: readonly ObserveEvent[]
  /** 3: `le="1"` becomes `le="1.0"`, as the text parser of Prometheus 3 does it. */
  readonly majorVersion: 2 | 3
}

export class Scraper {
  readonly record = new ScrapeRecord()
  readonly #loops: TargetLoop[]

  constructor(options: ScraperOptions) {
    this.#loops = options.config.jobs.flatMap((job) =>
      job.targets.map((target) => new TargetLoop(job, target, options, this.record)),
    )
  }

  /** One loop for each target, to be run beside each other; they never end. */
  run(): Promise<void>[] {
    return this.#loops.map((loop) => loop.run())
  }

  get targetCount(): number {
    return this.#loops.length
  }
}

/** A series as the target exposes it, and what becomes of it. */
interface CachedSeries {
  readonly metricName: string
  readonly exposedLabels: Readonly<Record<string, string | number>>
  /** The very object that was exposed last: a registry keeps it as long as it keeps the series. */
  exposed: object
  /** Undefined: dropped by metric relabelling. */
  readonly stored: StoredSeries | undefined
  /** Number of the last scrape that showed it. */
  seenIn: number
}

/** A series as it is stored. Relabelling may make the same one of several. */
interface StoredSeries {
  readonly column: SeriesColumn
  /** Number of the last scrape that showed it; 0: it has ended. */
  shownIn: number
}

class TargetLoop {
  readonly #job: ScrapeJob
  readonly #target: ScrapeTarget
  readonly #options: ScraperOptions
  readonly #record: ScrapeRecord
  readonly #offsetMs: number
  readonly #series = new Map<string, CachedSeries>()
  /** By family, in the order of the last scrape: most scrapes show the same series in the same order. */
  readonly #order = new Map<string, CachedSeries[]>()
  readonly #reports: Readonly<Record<ReportName, SeriesColumn>>
  readonly #stored = new Map<SeriesColumn, StoredSeries>()
  /** What had a sample in the last good scrape, in the order in which it came. */
  readonly #shown = new Set<StoredSeries>()
  #scrape = 0

  constructor(job: ScrapeJob, target: ScrapeTarget, options: ScraperOptions, record: ScrapeRecord) {
    this.#job = job
    this.#target = target
    this.#options = options
    this.#record = record
    const { latticeMs } = options
    const steps = Math.max(1, Math.floor(target.intervalMs / latticeMs))
    const draw = options.rng.fork(`scrape-offset/${job.name}/${target.address}`).int(steps)
    this.#offsetMs = draw * latticeMs + latticeMs / 2
    this.#reports = Object.fromEntries(
      reportNames.map((name) => [name, options.log.column({ ...target.labels, __name__: name })]),
    ) as Record<ReportName, SeriesColumn>
  }

  async run(): Promise<void> {
    const { clock, startMs } = this.#options
    for (let atMs = startMs + this.#offsetMs; ; atMs += this.#target.intervalMs) {
      await clock.sleep(atMs - clock.nowMs())
      if (this.#inGap(atMs - startMs)) continue
      await this.#scrapeAt(Math.round(atMs))
    }
  }

  #inGap(ms: number): boolean {
    return this.#options.observe.some(
      ({ job, startMs, endMs }) => (job === undefined || job === this.#job.name) && ms >= startMs && ms < endMs,
    )
  }

  async #scrapeAt(timeMs: number): Promise<void> {
    const { address, path, timeoutMs } = this.#target
    const reading = await this.#options.reader.read({ address, path, job: this.#job.name }, timeoutMs)
    this.#scrape += 1
    const taken = reading.ok ? this.#take(reading.families) : { ...nothing, error: reading.error }
    if (taken.error === undefined) {
      const { log } = this.#options
      for (let i = 0; i < taken.series.length; i += 1) log.append(taken.series[i]!.column, timeMs, taken.values[i]!)
    } else {
      this.#record.failed(this.#job.name, this.#target.address, taken.error)
    }
    this.#markStale(timeMs, taken)
    this.#report(timeMs, 'up', taken.error === undefined ? 1 : 0)
    this.#report(timeMs, 'scrape_duration_seconds', Math.round(reading.durationMs * 1000) / 1e6)
    this.#report(timeMs, 'scrape_samples_scraped', taken.scraped)
    this.#report(timeMs, 'scrape_samples_post_metric_relabeling', taken.kept)
    this.#report(timeMs, 'scrape_series_added', taken.error === undefined ? taken.added : 0)
  }

  #report(timeMs: number, name: ReportName, value: number): void {
    this.#options.log.append(this.#reports[name], timeMs, value)
  }

  /** Relabels what was exposed. Nothing is stored yet: a limit that is passed makes the whole scrape fail. */
  #take(families: readonly MetricFamily[]): Taken {
    const series: StoredSeries[] = []
    const numbers: number[] = []
    let scraped = 0
    let seen = 0
    let added = 0
    let kept = 0
    for (const family of families) {
      const before = this.#order.get(family.name)
      const order: CachedSeries[] = before ?? []
      if (!before) {
        this.#order.set(family.name, order)
        this.#record.declared(family.name)
      }
      const { values } = family
      for (let i = 0; i < values.length; i += 1) {
        const sample = values[i]!
        scraped += 1
        let cached = order[i]
        if (!cached || !isSameSeries(cached, sample, family.name)) {
          cached = this.#lookUp(sample, family.name)
          order[i] = cached
        }
        if (cached.seenIn !== this.#scrape) seen += 1
        cached.seenIn = this.#scrape
        const { stored } = cached
        if (!stored) {
          this.#options.log.drop('metric_relabel_configs')
          continue
        }
        kept += 1
        if (stored.shownIn === this.#scrape) {
          this.#options.log.drop('duplicate series in one scrape')
          continue
        }
        if (stored.shownIn === 0) {
          added += 1
          this.#shown.add(stored)
        }
        stored.shownIn = this.#scrape
        series.push(stored)
        numbers.push(sample.value)
      }
      order.length = values.length
    }
    return { series, values: numbers, scraped, seen, kept, added, error: this.#limitError(kept, series) }
  }

  #lookUp(sample: ExposedSample, family: string): CachedSeries {
    const metricName = sample.metricName ?? family
    const key = `${metricName}\u0000${JSON.stringify(Object.entries(sample.labels).sort(byName))}`
    let cached = this.#series.get(key)
    if (!cached) {
      const labels = this.#storedLabels(metricName, sample.labels)
      const stored = labels && this.#storedSeries(labels)
      cached = { metricName, exposedLabels: { ...sample.labels }, exposed: sample.labels, stored, seenIn: 0 }
      this.#series.set(key, cached)
    }
    return cached
  }

  #storedSeries(labels: Labels): StoredSeries {
    const column = this.#options.log.column(labels)
    let stored = this.#stored.get(column)
    if (!stored) {
      stored = { column, shownIn: 0 }
      this.#stored.set(column, stored)
    }
    return stored
  }

  /** @returns undefined when metric relabelling drops the series */
  #storedLabels(metricName: string, exposed: Readonly<Record<string, string | number>>): Labels | undefined {
    const labels: Record<string, string> = { __name__: metricName }
    for (const [name, value] of Object.entries(exposed)) {
      // An empty label is no label.
      if (value !== '') labels[name] = this.#normalise(name, String(value))
    }
    for (const [name, value] of Object.entries(this.#target.labels)) {
      if (labels[name] === undefined) {
        labels[name] = value
      } else if (!this.#job.honorLabels) {
        let moved = `exported_${name}`
        while (exposed[moved] !== undefined || this.#target.labels[moved] !== undefined) moved = `exported_${moved}`
        labels[moved] = labels[name]!
        labels[name] = value
      }
    }
    const { metricRelabel, metricRelabelPlaces } = this.#job
    if (!metricRelabel) {
      this.#record.stored(this.#job.name, metricName, metricName)
      return labels
    }
    const after = metricRelabel.apply(labels)
    if ('droppedBy' in after && typeof after.droppedBy === 'number') {
      this.#record.dropped(this.#job.name, metricName, metricRelabelPlaces[after.droppedBy] ?? this.#job.place)
      return undefined
    }
    const stored = after as Labels
    if (!stored.__name__) {
      this.#record.dropped(this.#job.name, metricName, this.#job.place)
      return undefined
    }
    this.#record.stored(this.#job.name, metricName, stored.__name__)
    return stored
  }

  #normalise(name: string, value: string): string {
    return this.#options.majorVersion < 3 ? value : normaliseBound(name, value)
  }

  /** Prometheus's own words. */
  #limitError(kept: number, series: readonly StoredSeries[]): string | undefined {
    const { sampleLimit, labelLimit, labelNameLengthLimit, labelValueLengthLimit } = this.#job
    if (sampleLimit > 0 && kept > sampleLimit) return 'sample limit exceeded'
    if (labelLimit === 0 && labelNameLengthLimit === 0 && labelValueLengthLimit === 0) return undefined
    for (const { column } of series) {
      const entries = Object.entries(column.labels)
      if (labelLimit > 0 && entries.length > labelLimit) {
        return `label_limit exceeded (metric: "${column.labels.__name__}", number of labels: ${entries.length}, limit: ${labelLimit})`
      }
      for (const [name, value] of entries) {
        if (labelNameLengthLimit > 0 && name.length > labelNameLengthLimit) {
          return `label_name_length_limit exceeded (metric: "${column.labels.__name__}", label name: "${name}", length: ${name.length}, limit: ${labelNameLengthLimit})`
        }
        if (labelValueLengthLimit > 0 && value.length > labelValueLengthLimit) {
          return `label_value_length_limit exceeded (metric: "${column.labels.__name__}", label name: "${name}", value: "${value}", length: ${value.length}, limit: ${labelValueLengthLimit})`
        }
      }
    }
    return undefined
  }

  /** What the last good scrape showed and this one does not has ended. */
  #markStale(timeMs: number, { series, seen, error }: Taken): void {
    const failed = error !== undefined
    if (failed || series.length < this.#shown.size) {
      for (const stored of this.#shown) {
        if (!failed && stored.shownIn === this.#scrape) continue
        // A scrape that passed a limit stored nothing: what it showed first was never there.
        this.#options.log.appendStale(stored.column, timeMs)
        stored.shownIn = 0
        this.#shown.delete(stored)
      }
    }
    if (failed || seen === this.#series.size) return
    for (const [key, cached] of this.#series) if (cached.seenIn !== this.#scrape) this.#series.delete(key)
  }
}

const reportNames = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const
type ReportName = (typeof reportNames)[number]

interface Taken {
  readonly series: readonly StoredSeries[]
  readonly values: readonly number[]
  readonly scraped: number
  /** Different series as they were exposed. */
  readonly seen: number
  readonly kept: number
  readonly added: number
  readonly error: string | undefined
}

const nothing: Taken = { series: [], values: [], scraped: 0, seen: 0, kept: 0, added: 0, error: undefined }

function isSameSeries(cached: CachedSeries, sample: ExposedSample, family: string): boolean {
  if (cached.metricName !== (sample.metricName ?? family)) return false
  const a = cached.exposedLabels
  const b = sample.labels
  if (cached.exposed === b) return true
  let names = 0
  for (const name in b) {
    if (a[name] !== b[name]) return false
    names += 1
  }
  for (const _ in a) names -= 1
  if (names !== 0) return false
  cached.exposed = b
  return true
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

/** Stored labels as Prometheus 3 would have stored them. */
export function normaliseBounds(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, normaliseBound(name, value)]))
}

function normaliseBound(name: string, value: string): string {
  return (name === 'le' || name === 'quantile') && /^-?\d+$/.test(value) ? `${value}.0` : value
}
