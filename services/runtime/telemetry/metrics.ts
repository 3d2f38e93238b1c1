/**
 * Typed metric definitions over prom-client. A service declares its metrics once, as data; registration, documentation
 * and drift checks all read the same list.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { quickenCounter, quickenHistogram } from './quick-series.ts'
import { guardOf } from './series-guard.ts'

export interface MetricDefinition<Label extends string = string> {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  /** Upper bounds of a histogram, without +Inf. */
  readonly buckets?: readonly number[]
}

export type CounterOf<Label extends string> = Counter<Label>
export type GaugeOf<Label extends string> = Gauge<Label>
export type HistogramOf<Label extends string> = Histogram<Label>

export function defineCounter<const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
) {
  return { type: 'counter', name, help, labels } as const
}

export function defineGauge<const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
) {
  return { type: 'gauge', name, help, labels } as const
}

export function defineHistogram<const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[],
  buckets: readonly number[],
) {
  return { type: 'histogram', name, help, labels, buckets } as const
}

type Registered<Definition> = Definition extends { type: infer Type; labels: readonly (infer Label extends string)[] }
  ? Type extends 'counter'
    ? Counter<Label>
    : Type extends 'gauge'
      ? Gauge<Label>
      : Histogram<Label>
  : never

/** Registers every definition and gives the metrics under the same keys. */
export function registerMetrics<const Definitions extends Readonly<Record<string, MetricDefinition>>>(
  definitions: Definitions,
  registry: Registry,
): { readonly [Key in keyof Definitions]: Registered<Definitions[Key]> } {
  const metrics = Object.entries(definitions).map(([key, definition]) => [key, register(definition, registry)])
  return Object.fromEntries(metrics)
}

function register(definition: MetricDefinition, registry: Registry) {
  const metric = createMetric(definition, registry)
  guardOf(registry)?.watch(metric, definition)
  return metric
}

function createMetric(definition: MetricDefinition, registry: Registry) {
  const common = { name: definition.name, help: definition.help, labelNames: definition.labels, registers: [registry] }
  switch (definition.type) {
    case 'counter':
      return quickenCounter(new Counter(common))
    case 'gauge':
      return new Gauge(common)
    case 'histogram':
      return quickenHistogram(new Histogram({ ...common, buckets: [...definition.buckets!] }))
  }
}

/** The unit that a name states by its ending, as Prometheus's naming rules have it; undefined for what is only counted. */
export function unitOf(name: string): string | undefined {
  if (name.endsWith('_timestamp')) return 'seconds'
  return /_(seconds|bytes|ratio|hours|usd)(_total)?$/.exec(name)?.[1] ?? /_total_(usd)$/.exec(name)?.[1]
}

/** Seconds. Has finite bounds above 1 s, or a p95 above 1 s could never be seen. */
export const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
/** Seconds, for operations that usually stay below some milliseconds. */
export const fastLatencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const
/** Seconds, for jobs. */
export const jobDurationBuckets = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600] as const
/** Bytes. */
export const sizeBuckets = [100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000] as const
