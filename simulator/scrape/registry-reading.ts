/**
 * What a registry of prom-client exposes at one instant, in the order and with the labels of `getMetricsAsJSON`. That makes
 * every label set of every bucket anew at every scrape; here a series keeps its labels as long as the registry keeps the
 * series, and the scraper knows it again by them. `test/scrape/registry-reading.test.ts` compares the two.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ExposedSample, MetricFamily } from './scraper.ts'

export async function readRegistry(registry: Registry): Promise<MetricFamily[]> {
  const metrics = registry.getMetricsAsArray() as unknown as Held[]
  for (const metric of metrics) {
    // Metrics that are brought up to date when they are read.
    if (metric.collect) await metric.collect()
  }
  const families: (MetricFamily | Promise<MetricFamily>)[] = metrics.map((metric) => {
    const { name } = metric
    if (metric instanceof Histogram) return { name, values: histogramSamples(metric as unknown as HeldHistogram) }
    // Copies: while the answer travels, prom-client counts on in its own objects.
    if (metric instanceof Counter || metric instanceof Gauge)
      return { name, values: plainSamples(metric as unknown as HeldPlain) }
    return metric.get()
  })
  return Promise.all(families)
}

type SeriesLabels = ExposedSample['labels']

/** What prom-client 15 keeps inside of its metrics. */
interface Held {
  readonly name: string
  readonly collect?: () => void | Promise<void>
  get(): Promise<MetricFamily>
}

interface HeldPlain extends Held {
  readonly hashMap: Readonly<Record<string, { readonly value: number; readonly labels: SeriesLabels }>>
}

interface HeldHistogram extends Held {
  readonly upperBounds: readonly number[]
  readonly hashMap: Readonly<Record<string, Observed>>
}

interface Observed {
  readonly labels: SeriesLabels
  readonly bucketValues: Readonly<Record<string, number>>
  readonly sum: number
  readonly count: number
}

function plainSamples({ hashMap }: HeldPlain): ExposedSample[] {
  const samples: ExposedSample[] = []
  for (const key in hashMap) {
    const { value, labels } = hashMap[key]!
    samples.push({ value, labels })
  }
  return samples
}

function histogramSamples({ name, upperBounds, hashMap }: HeldHistogram): ExposedSample[] {
  const samples: ExposedSample[] = []
  const bounds = upperBounds.map(String)
  for (const key in hashMap) {
    const observed = hashMap[key]!
    const heads = headsOf(observed, name, upperBounds)
    let below = 0
    for (let i = 0; i < bounds.length; i += 1) {
      below += observed.bucketValues[bounds[i]!]!
      samples.push(sampleOf(heads[i]!, below))
    }
    samples.push(
      sampleOf(heads[upperBounds.length]!, observed.count),
      sampleOf(heads[upperBounds.length + 1]!, observed.sum),
      sampleOf(heads[upperBounds.length + 2]!, observed.count),
    )
  }
  return samples
}

type Head = Pick<ExposedSample, 'labels' | 'metricName'>

function sampleOf({ labels, metricName }: Head, value: number): ExposedSample {
  return { value, labels, metricName: metricName! }
}

/** Of series that a registry holds now; they go with it. */
const headsOfObserved = new WeakMap<Observed, readonly Head[]>()

function headsOf(observed: Observed, name: string, upperBounds: readonly number[]): readonly Head[] {
  let heads = headsOfObserved.get(observed)
  if (!heads) {
    const { labels } = observed
    heads = [
      ...[...upperBounds, '+Inf'].map((le) => ({ labels: { le, ...labels }, metricName: `${name}_bucket` })),
      { labels: { ...labels }, metricName: `${name}_sum` },
      { labels: { ...labels }, metricName: `${name}_count` },
    ]
    headsOfObserved.set(observed, heads)
  }
  return heads
}
