/** What Loki, Jaeger and Prometheus show of themselves, fed by what the platform logs, traces and exposes. */
import { counter, type ExposedMetric, gauge, type ProcessFacts, processMetrics } from './exposition.ts'

/** Counts what reaches a Loki server since it was started. */
export class LokiStatistics {
  lines = 0
  bytes = 0
  pushes = 0
  pushSeconds = 0

  receive(bytes: number): void {
    this.lines += 1
    this.bytes += bytes
  }
}

/** A client pushes its lines once a second. */
export function lokiMetrics(statistics: LokiStatistics, process: ProcessFacts): ExposedMetric[] {
  const tenant = { tenant: 'fake' }
  return [
    counter('loki_distributor_lines_received_total', 'The total number of lines received per tenant', {
      labels: tenant,
      value: statistics.lines,
    }),
    counter('loki_distributor_bytes_received_total', 'The total number of uncompressed bytes received per tenant.', {
      labels: tenant,
      value: statistics.bytes,
    }),
    ...processMetrics(process),
  ]
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
