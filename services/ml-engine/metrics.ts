/** Every metric of the ML engine, as the platform's catalogue documents them. */
import type { Registry } from 'prom-client'
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  fastLatencyBuckets,
  jobDurationBuckets,
  latencyBuckets,
  registerMetrics,
} from '../runtime/telemetry/metrics.ts'

/** Values of `training_job_status`. */
export const jobStatus = { failed: 0, running: 1, pending: 2, completed: 3 } as const

/** Why training fails, as `training_job_failures_total` counts it. */
export const trainingFailureReasons = [
  'out_of_memory',
  'data_missing',
  'diverged',
  'timeout',
  'dependency_unavailable',
  'disk_full',
] as const

/** What `ml_engine_errors_total` tells apart beside the names of exceptions. */
export const errorTypes = ['overloaded', 'postgres_unavailable', 'timeout'] as const

export const mlEngineMetrics = {
  jobStatus: defineGauge(
    'training_job_status',
    'State of a training job: 0 failed, 1 running, 2 pending, 3 completed',
    ['job_id', 'tenant_id'],
  ),
  jobDuration: defineHistogram(
    'training_job_duration_seconds',
    'Time of a completed training job, from its start',
    ['tenant_id', 'model_type'],
    jobDurationBuckets,
  ),
  jobsCompleted: defineCounter('training_job_completed_total', 'Training jobs that deployed a model', [
    'tenant_id',
    'model_type',
  ]),
  jobsFailed: defineCounter('training_job_failures_total', 'Training jobs that failed', ['tenant_id', 'reason']),
  datasetSize: defineGauge('training_dataset_size', 'Interactions in the data set of a training job', [
    'tenant_id',
    'job_id',
  ]),
  iterations: defineCounter('training_iterations_total', 'Iterations of a training job', ['tenant_id', 'job_id']),
  ndcg: defineGauge('model_quality_ndcg_at_10', 'NDCG@10 of a deployed model on recent interactions', [
    'tenant_id',
    'model_version',
  ]),
  map: defineGauge('model_quality_map_at_10', 'MAP@10 of a deployed model on recent interactions', [
    'tenant_id',
    'model_version',
  ]),
  precision: defineGauge('model_quality_precision_at_10', 'Precision@10 of a deployed model on recent interactions', [
    'tenant_id',
    'model_version',
  ]),
  recall: defineGauge('model_quality_recall_at_10', 'Recall@10 of a deployed model on recent interactions', [
    'tenant_id',
    'model_version',
  ]),
  auc: defineGauge('model_quality_auc', 'Area under the ROC curve of a deployed model on recent interactions', [
    'tenant_id',
    'model_version',
  ]),
  versionDeployed: defineGauge('model_version_deployed', 'Version number of the deployed model', [
    'tenant_id',
    'model_name',
  ]),
  requests: defineCounter('ml_engine_requests_total', 'Requests answered, failed ones included', [
    'endpoint',
    'tenant_id',
  ]),
  errors: defineCounter('ml_engine_errors_total', 'Requests that failed inside the ML engine, by type of error', [
    'error_type',
  ]),
  inferenceDuration: defineHistogram(
    'ml_model_inference_duration_seconds',
    'Time of one model inference',
    ['model_type', 'operation'],
    latencyBuckets,
  ),
  embeddingDuration: defineHistogram(
    'embedding_generation_duration_seconds',
    'Time to generate one embedding that was not in the cache',
    ['model_name'],
    latencyBuckets,
  ),
  searchDuration: defineHistogram(
    'faiss_search_duration_seconds',
    'Time of one search in the vector index',
    ['index_type'],
    fastLatencyBuckets,
  ),
  cacheHits: defineCounter('embedding_cache_hits_total', 'Embedding look-ups that were answered from the cache'),
  cacheMisses: defineCounter('embedding_cache_misses_total', 'Embedding look-ups that were not'),
  cacheSize: defineGauge('embedding_cache_size_bytes', 'Memory that the embedding cache takes'),
  cacheUpdated: defineGauge(
    'embedding_cache_last_update_timestamp',
    'Unix time of the last refresh of the embedding cache, 0 before the first',
  ),
  dataFreshness: defineGauge('data_freshness_hours', "Age of the newest data in the tenant's deployed model, hours", [
    'tenant_id',
  ]),
} as const

export type MlEngineMetrics = ReturnType<typeof registerMlEngineMetrics>

export function registerMlEngineMetrics(registry: Registry) {
  return registerMetrics(mlEngineMetrics, registry)
}
