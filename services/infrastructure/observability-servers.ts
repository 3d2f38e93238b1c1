/** What Loki, Jaeger and Prometheus show of themselves, fed by what the platform logs, traces and exposes. */
import { Histogram, type Registry } from 'prom-client'
import { counter, type ExposedMetric, expose, gauge, type ProcessFacts, processMetrics } from './exposition.ts'

/** Counts what reaches a Loki server since it was started. Each client pushes its lines once a second. */
export class LokiStatistics {
  #lines = 0
  #bytes = 0
  #lastPushS = 0
  readonly #requestDuration = new Histogram({
    name: 'loki_request_duration_seconds',
    help: 'Time (in seconds) spent serving HTTP requests.',
    labelNames: ['method', 'route', 'status_code', 'ws'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [],
  })
  #pendingBytes = 0

  receive(bytes: number, nowMs: number, lines = 1): void {
    this.#lines += lines
    this.#bytes += bytes
    this.#pendingBytes += bytes
    const nowS = Math.floor(nowMs / 1000)
    if (nowS === this.#lastPushS) return
    this.#lastPushS = nowS
    // Some milliseconds for a push, and the time to write its bytes.
    const seconds = 0.002 + this.#pendingBytes / 50_000_000
    this.#requestDuration.observe(
      { method: 'POST', route: 'loki_api_v1_push', status_code: '204', ws: 'false' },
      seconds,
    )
    this.#pendingBytes = 0
  }

  expose(registry: Registry, process: ProcessFacts): void {
    const tenant = { tenant: 'fake' }
    expose(registry, [
      counter('loki_distributor_lines_received_total', 'The total number of lines received per tenant', {
        labels: tenant,
        value: this.#lines,
      }),
      counter('loki_distributor_bytes_received_total', 'The total number of uncompressed bytes received per tenant.', {
        labels: tenant,
        value: this.#bytes,
      }),
      ...processMetrics(process),
    ])
    registry.registerMetric(this.#requestDuration)
  }
}

/** Counts the spans that reach a Jaeger server since it was started. */
export class JaegerStatistics {
  spans = 0
}

export function jaegerMetrics(statistics: JaegerStatistics, process: ProcessFacts): ExposedMetric[] {
  return [
    counter('otelcol_receiver_accepted_spans', 'Number of spans successfully pushed into the pipeline.', {
      labels: { receiver: 'otlp', transport: 'http' },
      value: statistics.spans,
    }),
    counter('otelcol_receiver_refused_spans', 'Number of spans that could not be pushed into the pipeline.', {
      labels: { receiver: 'otlp', transport: 'http' },
      value: 0,
    }),
    counter('otelcol_exporter_sent_spans', 'Number of spans successfully sent to destination.', {
      labels: { exporter: 'jaeger_storage_exporter' },
      value: statistics.spans,
    }),
    ...processMetrics(process),
  ]
}

export interface PrometheusFacts {
  readonly version: string
  readonly headSeries: number
  readonly samplesAppended: number
}

export function prometheusMetrics(
  { version, headSeries, samplesAppended }: PrometheusFacts,
  process: ProcessFacts,
): ExposedMetric[] {
  return [
    gauge('prometheus_build_info', 'A metric with a constant 1 value labeled by version.', {
      labels: { version },
      value: 1,
    }),
    gauge('prometheus_tsdb_head_series', 'Total number of series in the head block.', headSeries),
    counter('prometheus_tsdb_head_samples_appended_total', 'Total number of appended samples.', {
      labels: { type: 'float' },
      value: samplesAppended,
    }),
    ...processMetrics(process),
  ]
}
