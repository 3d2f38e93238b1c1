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
  /** Undefined: dropped by metric relabelling. */
  readonly column: SeriesColumn | undefined
  /** Number of the last scrape that showed it. */
  seenIn: number
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
  /** Columns that had a sample in the last scrape, by number of that scrape. */
  readonly #shown = new Map<SeriesColumn, number>()
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
      for (const { column, value } of taken.samples) this.#options.log.append(column, timeMs, value)
    } else {
      this.#record.failed(this.#job.name, this.#target.address, taken.error)
    }
    this.#markStale(timeMs, taken.error === undefined)
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
    const samples: { column: SeriesColumn; value: number }[] = []
    let scraped = 0
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
        cached.seenIn = this.#scrape
        const { column } = cached
        if (!column) {
          this.#options.log.drop('metric_relabel_configs')
          continue
        }
        kept += 1
        const shownIn = this.#shown.get(column)
        if (shownIn === this.#scrape) {
          this.#options.log.drop('duplicate series in one scrape')
          continue
        }
        if (shownIn === undefined) added += 1
        this.#shown.set(column, this.#scrape)
        samples.push({ column, value: sample.value })
      }
      order.length = values.length
    }
    return { samples, scraped, kept, added, error: this.#limitError(kept, samples) }
  }

  #lookUp(sample: ExposedSample, family: string): CachedSeries {
    const metricName = sample.metricName ?? family
    const key = `${metricName}\u0000${JSON.stringify(Object.entries(sample.labels).sort(byName))}`
    let cached = this.#series.get(key)
    if (!cached) {
      const labels = this.#storedLabels(metricName, sample.labels)
      const column = labels && this.#options.log.column(labels)
      cached = { metricName, exposedLabels: { ...sample.labels }, column, seenIn: 0 }
      this.#series.set(key, cached)
    }
    return cached
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
    if (this.#options.majorVersion < 3 || (name !== 'le' && name !== 'quantile')) return value
    return /^-?\d+$/.test(value) ? `${value}.0` : value
  }

  /** Prometheus's own words. */
  #limitError(kept: number, samples: Taken['samples']): string | undefined {
    const { sampleLimit, labelLimit, labelNameLengthLimit, labelValueLengthLimit } = this.#job
    if (sampleLimit > 0 && kept > sampleLimit) return 'sample limit exceeded'
    if (labelLimit === 0 && labelNameLengthLimit === 0 && labelValueLengthLimit === 0) return undefined
    for (const { column } of samples) {
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
  #markStale(timeMs: number, succeeded: boolean): void {
    const { log } = this.#options
    for (const [column, shownIn] of this.#shown) {
      if (succeeded && shownIn === this.#scrape) continue
      // A scrape that passed a limit stored nothing: what it showed first was never there.
      log.appendStale(column, timeMs)
      this.#shown.delete(column)
    }
    if (!succeeded) return
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
  readonly samples: readonly { readonly column: SeriesColumn; readonly value: number }[]
  readonly scraped: number
  readonly kept: number
  readonly added: number
  readonly error: string | undefined
}

const nothing: Taken = { samples: [], scraped: 0, kept: 0, added: 0, error: undefined }

function isSameSeries(cached: CachedSeries, sample: ExposedSample, family: string): boolean {
  if (cached.metricName !== (sample.metricName ?? family)) return false
  const a = cached.exposedLabels
  const b = sample.labels
  if (a === b) return true
  let names = 0
  for (const name in b) {
    if (a[name] !== b[name]) return false
    names += 1
  }
  for (const _ in a) names -= 1
  return names === 0
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
