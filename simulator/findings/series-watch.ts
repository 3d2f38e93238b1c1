/** Watches the samples that go to the judge, and keeps for each series what findings ask for: its first and least value. */
import type { DrillObserver } from '../drill/drill-observer.ts'
import type { Labels, SeriesSamples } from '../judge/judge.ts'

export interface WatchedSeries {
  readonly labels: Labels
  /** Milliseconds since the Unix epoch. */
  readonly firstMs: number
  readonly firstValue: number
  readonly least: number
  readonly greatest: number
}

export class SeriesWatch implements DrillObserver {
  readonly lookbackMs = 0
  readonly #byMetric = new Map<string, Map<Labels, { -readonly [Key in keyof WatchedSeries]: WatchedSeries[Key] }>>()

  /** @param known what was watched before, by metric */
  constructor(known: ReadonlyMap<string, readonly WatchedSeries[]> = new Map()) {
    for (const [metric, series] of known) {
      this.#byMetric.set(metric, new Map(series.map((one) => [one.labels, { ...one }])))
    }
  }

  async append(batch: readonly SeriesSamples[]): Promise<void> {
    for (const { labels, timesMs, values } of batch) {
      const metric = labels.__name__ ?? ''
      let ofMetric = this.#byMetric.get(metric)
      if (!ofMetric) {
        ofMetric = new Map()
        this.#byMetric.set(metric, ofMetric)
      }
      let series = ofMetric.get(labels)
      for (let i = 0; i < values.length; i += 1) {
        const value = values[i]!
        // Stale markers are NaN too.
        if (Number.isNaN(value)) continue
        if (!series) {
          series = { labels, firstMs: timesMs[i]!, firstValue: value, least: value, greatest: value }
          ofMetric.set(labels, series)
        } else if (value < series.least) series.least = value
        else if (value > series.greatest) series.greatest = value
      }
    }
  }

  async advance(): Promise<void> {}

  async close(): Promise<void> {}

  /** By metric. */
  all(): ReadonlyMap<string, readonly WatchedSeries[]> {
    return new Map([...this.#byMetric].map(([metric, series]) => [metric, [...series.values()]]))
  }

  of(metric: string): readonly WatchedSeries[] {
    return [...(this.#byMetric.get(metric)?.values() ?? [])]
  }
}
