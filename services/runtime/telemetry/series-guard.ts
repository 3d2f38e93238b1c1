/**
 * A guard against label explosions: a metric takes a stated number of label sets. What comes on top is counted under
 * labels that all say `overflow`, so that sums stay right; a gauge, which has no sum, leaves it out. Either is told.
 */
import type { Registry } from 'prom-client'

export interface SeriesGuardOptions {
  /** Label sets of a metric. */
  readonly setsMax: number
  /** Called each time that a label set is turned away. */
  readonly onOverflow: (metric: string) => void
}

interface GuardedDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly labels: readonly string[]
}

type Labels = Readonly<Record<string, string | number>>
type Method = (...args: unknown[]) => unknown

export const overflowValue = 'overflow'
const guards = new WeakMap<Registry, { watch(metric: object, definition: GuardedDefinition): void }>()

/** From now on metrics registered there are guarded. A registry without a guard costs nothing. */
export function guardSeries(registry: Registry, options: SeriesGuardOptions): void {
  guards.set(registry, { watch: (metric, definition) => watch(metric as Record<string, Method>, definition, options) })
}

export function guardOf(registry: Registry) {
  return guards.get(registry)
}

function watch(
  metric: Record<string, Method>,
  { type, name, labels }: GuardedDefinition,
  { setsMax, onOverflow }: SeriesGuardOptions,
): void {
  if (labels.length === 0) return
  const known = new Set<string>()
  const overflow: Labels = Object.fromEntries(labels.map((label) => [label, overflowValue]))
  const keyOf = (given: Labels) => labels.map((label) => given[label]).join('\u0000')

  const overflowKey = keyOf(overflow)

  /** @returns the labels to count under, undefined for none */
  function admit(given: Labels): Labels | undefined {
    const key = keyOf(given)
    if (known.has(key) || key === overflowKey) return given
    if (known.size < setsMax) {
      known.add(key)
      return given
    }
    onOverflow(name)
    return type === 'gauge' ? undefined : overflow
  }

  for (const method of ['inc', 'dec', 'set', 'observe', 'setToCurrentTime', 'startTimer', 'zero']) {
    const original = metric[method]
    if (!original) continue
    metric[method] = (first, ...rest) => {
      if (typeof first !== 'object' || first === null) return original.call(metric, first, ...rest)
      const admitted = admit(first as Labels)
      return admitted && original.call(metric, admitted, ...rest)
    }
  }
  const labelsOf = metric.labels!
  metric.labels = (...args) => {
    const given = labelsGiven(labels, args)
    const admitted = admit(given)
    return admitted ? labelsOf.call(metric, admitted) : ignoringChild
  }
  const remove = metric.remove!
  metric.remove = (...args) => {
    known.delete(keyOf(labelsGiven(labels, args)))
    return remove.apply(metric, args)
  }
  const reset = metric.reset!
  metric.reset = () => {
    known.clear()
    return reset.call(metric)
  }
}

/** prom-client takes labels as one object or as values in order. */
function labelsGiven(names: readonly string[], args: readonly unknown[]): Labels {
  if (typeof args[0] === 'object' && args[0] !== null) return args[0] as Labels
  return Object.fromEntries(names.map((name, i) => [name, args[i] as string]))
}

const ignore = () => {}
const ignoringChild = {
  inc: ignore,
  dec: ignore,
  set: ignore,
  observe: ignore,
  setToCurrentTime: ignore,
  startTimer: () => ignore,
}
