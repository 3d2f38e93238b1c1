/** Every metric of the data pipeline, as the platform's catalogue documents them. */
import type { Registry } from 'prom-client'
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  fastLatencyBuckets,
  jobDurationBuckets,
  registerMetrics,
} from '../runtime/telemetry/metrics.ts'

/** Why an ETL run fails, as `etl_job_failures_total` counts it. */
export const etlFailureReasons = [
  'source_unavailable',
  'schema_mismatch',
  'timeout',
  'constraint_violation',
  'disk_full',
] as const

/** Why a message can't be processed. */
export const processingErrorTypes = ['deserialization', 'database_unavailable'] as const

export const dataPipelineMetrics = {
  etlDuration: defineHistogram(
    'etl_job_duration_seconds',
    'Time of an ETL run, failed ones included',
    ['job_name'],
    jobDurationBuckets,
  ),
  etlFailures: defineCounter('etl_job_failures_total', 'ETL runs that failed', ['job_name', 'reason']),
  etlProcessed: defineCounter('etl_records_processed_total', 'Records that an ETL job has loaded', [
    'job_name',
    'source',
  ]),
  etlSkipped: defineCounter('etl_records_skipped_total', 'Records that an ETL job has left out', [
    'job_name',
    'reason',
  ]),
  etlQuality: defineGauge('etl_data_quality_score', 'Quality of the data of the last run, 0 to 1', [
    'job_name',
    'metric',
  ]),
  lag: defineGauge('kafka_consumer_lag', 'Messages produced but not yet committed by the consumer group', [
    'topic',
    'partition',
    'consumer_group',
  ]),
  offset: defineGauge('kafka_consumer_offset', 'Offset of the next message to be read', ['topic', 'partition']),
  consumed: defineCounter('kafka_messages_consumed_total', 'Messages read and committed, rejected ones included', [
    'topic',
    'consumer_group',
  ]),
  processingErrors: defineCounter('kafka_processing_errors_total', 'Messages that could not be processed', [
    'topic',
    'error_type',
  ]),
  processingDuration: defineHistogram(
    'kafka_processing_duration_seconds',
    'Time to process one poll of messages',
    ['topic'],
    [...fastLatencyBuckets, 5, 10],
  ),
  validationErrors: defineCounter('data_validation_errors_total', 'Messages that failed validation', [
    'tenant_id',
    'error_type',
  ]),
  ingested: defineCounter('data_ingestion_records_total', 'Records stored', ['tenant_id', 'data_type']),
  storage: defineGauge('tenant_storage_bytes', 'Bytes that the database holds for the tenant', ['tenant_id']),
  // Not in the catalogue's table of this service, but the same as in every service of the platform.
  requests: defineCounter(
    'http_requests_total',
    'Requests answered, by method, templated endpoint, status and tenant (none: no tenant known)',
    ['method', 'endpoint', 'status', 'tenant_id'],
  ),
} as const

export type DataPipelineMetrics = ReturnType<typeof registerDataPipelineMetrics>

export function registerDataPipelineMetrics(registry: Registry) {
  return registerMetrics(dataPipelineMetrics, registry)
}
