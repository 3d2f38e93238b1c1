/** Watches an expression while a drill runs, as a rule would see it: what the read-out was, not only whether it fired. */
import type { DrillObserver } from '../drill/drill-observer.ts'
import type { Judge, Labels, RangeSeries } from '../judge/judge.ts'
import type { reductions } from '../scenario/schema.ts'

export type Reduction = (typeof reductions)[number]

export interface ReadOutSeries {
  readonly labels: Labels
  /** Seconds since the start of the drill. */
  readonly timesS: number[]
  readonly values: number[]
}

export class ReadOut implements DrillObserver {
  readonly lookbackMs: number
  readonly #judge: Judge
  readonly #expression: string
  readonly #startMs: number
  readonly #stepMs: number
  readonly #series = new Map<string, ReadOutSeries>()
  #nextMs = 0

  /** @param startMs Unix time of the start of the drill */
  constructor(judge: Judge, expression: string, options: { startMs: number; stepMs: number; lookbackMs: number }) {
    this.#judge = judge
    this.#expression = expression
    this.#startMs = options.startMs
    this.#stepMs = options.stepMs
    this.lookbackMs = options.lookbackMs
  }

  async append(): Promise<void> {}

  /** @throws QueryError when the expression can't be evaluated */
  async advance(toMs: number): Promise<void> {
    const firstMs = this.#nextMs
    if (toMs < firstMs) return
    this.#nextMs = firstMs + (Math.floor((toMs - firstMs) / this.#stepMs) + 1) * this.#stepMs
    const endMs = this.#nextMs - this.#stepMs
    const query = { expression: this.#expression, startMs: this.#startMs + firstMs, endMs: this.#startMs + endMs }
    for (const series of await this.#judge.queryRange({ ...query, stepMs: this.#stepMs })) this.#add(series)
  }

  async close(): Promise<void> {}

  results(): ReadOutSeries[] {
    return [...this.#series.values()]
  }

  #add({ labels, timesMs, values }: RangeSeries): void {
    const key = JSON.stringify(labels)
    const series = this.#series.get(key) ?? { labels, timesS: [], values: [] }
    this.#series.set(key, series)
    for (const [i, timeMs] of timesMs.entries()) {
      series.timesS.push((timeMs - this.#startMs) / 1000)
      series.values.push(values[i]!)
    }
  }
}

/** @param window seconds since the start of the drill @returns undefined when there is no value in the window */
export function reduceReadOut(
  series: readonly ReadOutSeries[],
  reduce: Reduction,
  window: readonly [number, number] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
): number | undefined {
  const points = series.flatMap(({ timesS, values }) =>
    timesS.flatMap((timeS, i) => {
      const value = values[i]!
      return timeS >= window[0] && timeS <= window[1] && !Number.isNaN(value) ? [{ timeS, value }] : []
    }),
  )
  if (points.length === 0) return undefined
  const values = points.map(({ value }) => value)
  switch (reduce) {
    case 'max':
      return values.reduce((a, b) => Math.max(a, b))
    case 'min':
      return values.reduce((a, b) => Math.min(a, b))
    case 'mean':
      return values.reduce((a, b) => a + b) / values.length
    case 'last':
      return points.reduce((a, b) => (b.timeS >= a.timeS ? b : a)).value
  }
}
