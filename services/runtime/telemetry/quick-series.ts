/**
 * Finds the series of a counter or histogram by the values of its labels, without making a text of them at each call:
 * that is most of what counting costs, and a request counts a dozen times. prom-client makes every series, checks its
 * labels and keeps its numbers; what it has once made is only found faster.
 */
import type { Counter, Histogram } from 'prom-client'

type Labels = Readonly<Record<string, string | number | undefined>>

/** What prom-client 15 keeps inside of its metrics. */
interface Held<Series> {
  readonly sortedLabelNames: readonly string[]
  readonly hashMap: Readonly<Record<string, Series | undefined>>
  reset(): void
  remove(...args: unknown[]): void
}

interface CounterSeries {
  value: number
}

interface HeldCounter extends Held<CounterSeries> {
  inc(labels?: unknown, value?: number): unknown
}

interface HistogramSeries {
  sum: number
  count: number
  readonly bucketValues: Record<string, number>
}

interface HeldHistogram extends Held<HistogramSeries> {
  readonly upperBounds: readonly number[]
  observe(labels?: unknown, value?: number): void
}

export function quickenCounter<T extends string>(counter: Counter<T>): Counter<T> {
  const held = counter as unknown as HeldCounter
  const series = indexOf(held)
  const { inc } = held
  held.inc = (labels, value = 1) => {
    const found = isLabels(labels) && value >= 0 && value < Number.POSITIVE_INFINITY ? series.find(labels) : undefined
    if (found) found.value += value
    else return inc.call(counter, labels, isLabels(labels) ? value : undefined)
  }
  return counter
}

export function quickenHistogram<T extends string>(histogram: Histogram<T>): Histogram<T> {
  const held = histogram as unknown as HeldHistogram
  const series = indexOf(held)
  const { observe, upperBounds } = held
  // As keys of an object, which numbers would be turned into each time.
  const bounds = upperBounds.map(String)
  held.observe = (labels, value) => {
    const found = isLabels(labels) && Number.isFinite(value) ? series.find(labels) : undefined
    if (!found) {
      observe.call(histogram, labels, value)
      return
    }
    found.sum += value!
    found.count += 1
    for (let i = 0; i < bounds.length; i += 1) {
      if (value! > upperBounds[i]!) continue
      found.bucketValues[bounds[i]!]! += 1
      return
    }
  }
  return histogram
}

function isLabels(given: unknown): given is Labels {
  return typeof given === 'object' && given !== null
}

type Level<Series> = Map<string | number | undefined, Level<Series> | Series>

/** Series by the values of their labels, one map inside of the other. */
function indexOf<Series extends object>(held: Held<Series>) {
  const names = held.sortedLabelNames
  let known: Level<Series> = new Map()
  const { reset, remove } = held
  // What is removed is made anew by prom-client, as another object.
  held.reset = () => {
    known = new Map()
    reset.call(held)
  }
  held.remove = (...args) => {
    known = new Map()
    return remove.apply(held, args)
  }

  /** @returns undefined when prom-client has not made it yet, or must look at the labels itself */
  function find(labels: Labels): Series | undefined {
    let given = 0
    for (const _ in labels) given += 1
    if (given > names.length || names.length === 0) return undefined
    let level = known
    const last = names.length - 1
    for (let i = 0; i < last; i += 1) {
      const value = labels[names[i]!]
      let next = level.get(value) as Level<Series> | undefined
      if (!next) {
        next = new Map()
        level.set(value, next)
      }
      level = next
    }
    const value = labels[names[last]!]
    const found = level.get(value) as Series | undefined
    return found ?? learn(labels, level, value)
  }

  function learn(labels: Labels, level: Level<Series>, value: string | number | undefined): Series | undefined {
    // A label that is not the metric's own is an error, which prom-client tells.
    if (Object.keys(labels).some((name) => !names.includes(name))) return undefined
    const made = held.hashMap[keyOf(labels)]
    if (made) level.set(value, made)
    return made
  }

  /** As prom-client names a series. Were it another name, nothing would be found, and prom-client would count by itself. */
  function keyOf(labels: Labels): string {
    return names.map((name) => (labels[name] === undefined ? '' : `${name}:${labels[name]},`)).join('')
  }

  return { find }
}
