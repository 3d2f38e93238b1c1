/**
 * Where the samples of the scraper go: columns for each series until somebody takes them to the judge, a hash over all of
 * them in order, and the account of what was generated, delivered and dropped.
 */
import { createHash } from 'node:crypto'
import type { Accounting } from '../drill/drill-result.ts'
import type { Labels, SeriesSamples } from '../judge/judge.ts'

/** One series, as long as the drill. */
export interface SeriesColumn {
  readonly labels: Labels
  readonly id: number
  /** False: no rule selects it, so the judge need not have it. */
  readonly selected: boolean
  timesMs: number[]
  values: number[]
  stale: number[]
}

const notSelected = 'not selected by any rule or panel'
/** Numbers kept until they are hashed together. */
const hashBufferLength = 3 * 8_192

export class SampleLog {
  readonly #selects: (metric: string) => boolean
  readonly #columns = new Map<string, SeriesColumn>()
  readonly #selected: SeriesColumn[] = []
  readonly #hash = createHash('sha256')
  readonly #buffer = new Float64Array(hashBufferLength)
  #buffered = 0
  #generated = 0
  #delivered = 0
  #queued = 0
  /** Of series that nobody selects. */
  #left = 0
  readonly #dropped = new Map<string, number>()

  /** @param selects whether a metric of this name goes to the judge */
  constructor(selects: (metric: string) => boolean) {
    this.#selects = selects
  }

  /** The column of a series; the same one for the same labels. */
  column(labels: Labels): SeriesColumn {
    const key = canonicalLabels(labels)
    let column = this.#columns.get(key)
    if (!column) {
      const selected = this.#selects(labels.__name__ ?? '')
      column = { labels, id: this.#columns.size, selected, timesMs: [], values: [], stale: [] }
      this.#columns.set(key, column)
      if (selected) this.#selected.push(column)
      this.#flush()
      this.#hash.update(key)
    }
    return column
  }

  append(column: SeriesColumn, timeMs: number, value: number): void {
    const isNotANumber = Number.isNaN(value)
    // The bits of a NaN are not the same everywhere.
    this.#record(isNotANumber ? column.id + 0.5 : column.id, timeMs, isNotANumber ? 0 : value)
    if (!this.#isKept(column)) return
    column.timesMs.push(timeMs)
    column.values.push(value)
  }

  appendStale(column: SeriesColumn, timeMs: number): void {
    this.#record(column.id + 0.25, timeMs, 0)
    if (!this.#isKept(column)) return
    column.stale.push(column.timesMs.length)
    column.timesMs.push(timeMs)
    column.values.push(Number.NaN)
  }

  #isKept({ selected }: SeriesColumn): boolean {
    if (selected) this.#queued += 1
    else this.#left += 1
    return selected
  }

  /** Counts a sample that was made but goes nowhere. */
  drop(reason: string): void {
    this.#generated += 1
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  #record(id: number, timeMs: number, value: number): void {
    this.#generated += 1
    const at = this.#buffered
    this.#buffer[at] = id
    this.#buffer[at + 1] = timeMs
    this.#buffer[at + 2] = value
    this.#buffered = at + 3
    if (this.#buffered === hashBufferLength) this.#flush()
  }

  #flush(): void {
    if (this.#buffered === 0) return
    this.#hash.update(new Uint8Array(this.#buffer.buffer, 0, this.#buffered * 8))
    this.#buffered = 0
  }

  /** Takes what has come since the last time. */
  drain(): SeriesSamples[] {
    const batch: SeriesSamples[] = []
    let samples = 0
    for (const column of this.#selected) {
      if (column.timesMs.length === 0) continue
      const { labels, timesMs, values, stale } = column
      batch.push({ labels, timesMs, values, stale })
      samples += timesMs.length
      column.timesMs = []
      column.values = []
      column.stale = []
    }
    this.#delivered += samples
    this.#queued = 0
    return batch
  }

  get seriesCount(): number {
    return this.#columns.size
  }

  get samplesCount(): number {
    return this.#generated
  }

  /** Names of all metrics that were stored or would have been. */
  metricNames(): Set<string> {
    return new Set([...this.#columns.values()].map(({ labels }) => labels.__name__ ?? ''))
  }

  /** Label sets of all series. */
  *series(): Generator<Labels> {
    for (const { labels } of this.#columns.values()) yield labels
  }

  /** Label sets of all series of a metric. */
  seriesOf(metric: string): Labels[] {
    return [...this.#columns.values()].filter(({ labels }) => labels.__name__ === metric).map(({ labels }) => labels)
  }

  get accounting(): Accounting {
    const dropped = [...this.#dropped, ...(this.#left > 0 ? [[notSelected, this.#left] as const] : [])]
    return {
      generated: this.#generated,
      delivered: this.#delivered,
      dropped: Object.fromEntries(dropped.sort(([a], [b]) => (a < b ? -1 : 1))),
      queued: this.#queued,
    }
  }

  /** Hash of all samples in order. Call it once, when the drill is over. */
  digest(): Buffer {
    this.#flush()
    return this.#hash.digest()
  }
}

/** The account of a record of everything when only some of it goes to the judge. */
export function accountOfSelected(recorded: Accounting, delivered: number): Accounting {
  const left = recorded.delivered - delivered
  if (left === 0) return recorded
  const dropped = { ...recorded.dropped, [notSelected]: (recorded.dropped[notSelected] ?? 0) + left }
  const sorted = Object.fromEntries(Object.entries(dropped).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...recorded, delivered, dropped: sorted }
}

/** The same text for the same labels, whatever their order. */
export function canonicalLabels(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
