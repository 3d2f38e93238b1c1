/**
 * An exporter keeps no numbers of its own: at each scrape it translates what its subject reports. So each scrape builds
 * its metrics anew, and what the subject no longer reports is gone at once.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ProcessFacts } from '../runtime/telemetry/process-metrics.ts'

export type { ProcessFacts }

export interface ExposedMetric {
  readonly type: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  readonly samples: readonly ExposedSample[]
}

export interface ExposedSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Replaces everything the registry holds. */
export function expose(registry: Registry, metrics: readonly ExposedMetric[]): void {
  registry.clear()
  for (const { type, name, help, samples } of metrics) {
    const labelNames = Object.keys(samples[0]?.labels ?? {})
    const options = { name, help, labelNames, registers: [registry] }
    if (type === 'counter') {
      const counter = new Counter(options)
      for (const { labels, value } of samples) counter.inc(labels, value)
    } else {
      const gauge = new Gauge(options)
      for (const { labels, value } of samples) gauge.set(labels, value)
    }
  }
}

export function gauge(name: string, help: string, ...samples: (ExposedSample | number)[]): ExposedMetric {
  return { type: 'gauge', name, help, samples: samples.map(toSample) }
}

export function counter(name: string, help: string, ...samples: (ExposedSample | number)[]): ExposedMetric {
  return { type: 'counter', name, help, samples: samples.map(toSample) }
}

function toSample(sample: ExposedSample | number): ExposedSample {
  return typeof sample === 'number' ? { labels: {}, value: sample } : sample
}

export function processMetrics({ startTimeS, cpuSeconds, residentBytes }: ProcessFacts): ExposedMetric[] {
  return [
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', startTimeS),
    counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', cpuSeconds),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', residentBytes),
  ]
}
