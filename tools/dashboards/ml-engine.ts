/** ML Engine Performance: do models train, are they good, and do they answer in time? */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { alertThreshold } from './alert-thresholds.ts'
import { buildPage } from './dashboard-page.ts'
import { jobOutcomes, lookUps, percentiles, qualityMeasures, states } from './palette.ts'
import { areas, bars, gauges, goodAndExcellent, lines, stat, stateMapping, step, wrongAbove } from './panels.ts'
import { instantQuery, logsLink, quantileOf, rangeQuery, share, tracesLink } from './queries.ts'

const ml = 'job="ml-engine"'
const ofTenant = `${ml}, tenant_id=~"$tenant"`
/** Values that the platform calls good and excellent. */
const ndcg = { good: 0.3, excellent: 0.5 }

export function mlEngine(): Dashboard {
  return buildPage({
    uid: 'ml-engine',
    title: 'ML Engine Performance',
    description: 'Do models train, are they good, and do they answer in time?',
    // Faster than the scrape, as the platform documents it: a training run changes its state within seconds.
    refresh: '10s',
    from: '1h',
    rows: [
      {
        title: 'Training',
        panels: [
          [trainingStatus(), 12, 8],
          [trainingJobs(), 12, 8],
        ],
      },
      {
        title: 'Quality',
        panels: [
          [ndcgNow(), 8, 8],
          [quality(), 8, 8],
          [versions(), 8, 8],
        ],
      },
      {
        title: 'Answers',
        panels: [
          [requestRate(), 8, 8],
          [errors(), 8, 8],
          [searchLatency(), 8, 8],
        ],
      },
      {
        title: 'Embeddings',
        panels: [
          [hitRate(), 5, 8],
          [hitsAndMisses(), 7, 8],
          [embeddingLatency(), 7, 8],
          [cacheAge(), 5, 8],
        ],
      },
    ],
  })
}

function trainingStatus() {
  return gauges({
    title: 'Training job status',
    what: 'The worst state of the training jobs of each tenant in the last hour: failed, running, pending or completed.',
    why: 'A tenant whose training fails is served by an ageing model. ModelTrainingFailed warns at the first failure.',
    action: 'Click a failed one for its log and trace, then docs/runbooks/model-training-failed.md.',
    unit: 'none',
    min: 0,
    max: 3,
    thresholds: [step(null, states.alert), step(1, states.busy), step(2, states.warning), step(3, states.good)],
    mappings: stateMapping({
      0: { text: 'failed', color: states.alert },
      1: { text: 'running', color: states.busy },
      2: { text: 'pending', color: states.warning },
      3: { text: 'completed', color: states.good },
    }),
    targets: [
      instantQuery(`min by (tenant_id) (last_over_time(training_job_status{${ofTenant}}[1h]))`, '{{tenant_id}}'),
    ],
    links: tenantTrainingLinks(),
  }).noValue('no job')
}

function trainingJobs() {
  return bars({
    title: 'Training jobs completed and failed',
    what: 'Training jobs of the chosen tenants that ended well or failed, in each five minutes.',
    why: 'It shows whether a failure is one of many or the rule.',
    action: 'Failures of one reason for all tenants: look at what training depends on (data, memory, disk).',
    unit: 'short',
    min: 0,
    targets: [
      rangeQuery(`sum(increase(training_job_completed_total{${ofTenant}}[$__rate_interval]))`, 'completed', {
        interval: '5m',
      }),
      rangeQuery(`sum(increase(training_job_failures_total{${ofTenant}}[$__rate_interval]))`, 'failed', {
        interval: '5m',
      }),
    ],
    colors: jobOutcomes,
    links: [logsLink('Failed trainings', '{service="ml-engine"} | json | event="training_failed"')],
  })
}

function ndcgNow() {
  return stat({
    title: 'NDCG@10',
    what: 'How well the first ten recommendations of the deployed model are ordered, for each tenant: 1 is perfect.',
    why: `Below ${ndcg.good} users see little that they want; from ${ndcg.excellent} on it is excellent.`,
    action:
      'Low for one tenant: compare with its last training and the age of its data. Low for all: roll the model back.',
    unit: 'none',
    decimals: 3,
    min: 0,
    max: 1,
    thresholds: goodAndExcellent(ndcg.good, ndcg.excellent),
    targets: [instantQuery(`avg by (tenant_id) (model_quality_ndcg_at_10{${ofTenant}})`, '{{tenant_id}}')],
    links: tenantTrainingLinks(),
  })
}

function quality() {
  return lines({
    title: 'Model quality over time',
    what: 'NDCG, MAP, precision and recall at 10, the mean over the chosen tenants.',
    why: 'A slow fall is data that drifts away from the model, a step is a new model. Good from: NDCG 0.3, MAP 0.25, precision 0.2.',
    action: 'A step down right after a deployment: roll back. A slow fall: train more often.',
    unit: 'none',
    decimals: 3,
    min: 0,
    max: 1,
    targets: [
      rangeQuery(`avg(model_quality_ndcg_at_10{${ofTenant}})`, 'NDCG'),
      rangeQuery(`avg(model_quality_map_at_10{${ofTenant}})`, 'MAP'),
      rangeQuery(`avg(model_quality_precision_at_10{${ofTenant}})`, 'precision'),
      rangeQuery(`avg(model_quality_recall_at_10{${ofTenant}})`, 'recall'),
    ],
    colors: qualityMeasures,
  })
}

function versions() {
  return stat({
    title: 'Model version deployed by tenant',
    what: 'The number of the model version that serves each tenant.',
    why: 'A tenant that stays behind is one whose trainings fail.',
    action: 'Compare the times of deployments with changes of quality and latency.',
    unit: 'none',
    decimals: 0,
    thresholds: [step(null, states.busy)],
    targets: [instantQuery(`max by (tenant_id) (model_version_deployed{${ofTenant}})`, '{{tenant_id}}')],
    links: [
      logsLink(
        'Deployments of ${__field.labels.tenant_id}',
        '{service="ml-engine"} | json | event="model_deployed" | tenant_id="${__field.labels.tenant_id}"',
      ),
    ],
  })
}

function requestRate() {
  return lines({
    title: 'Request rate by endpoint',
    what: 'Requests per second that the ML engine answers, for each endpoint, for the chosen tenants.',
    why: 'The backend calls it whenever its own cache misses.',
    action: 'More calls at the same traffic: look at the cache hit rate of API Performance.',
    unit: 'reqps',
    min: 0,
    targets: [
      rangeQuery(`sum by (endpoint) (rate(ml_engine_requests_total{${ofTenant}}[$__rate_interval]))`, '{{endpoint}}'),
    ],
    links: [
      tracesLink('Traces of ${__field.labels.endpoint}', {
        service: 'ml-engine',
        operation: 'POST ${__field.labels.endpoint:percentencode}',
      }),
    ],
  })
}

function errors() {
  const threshold = alertThreshold('MLEngineHighErrorRate')
  return lines({
    title: 'Errors by type',
    what: 'Requests per second that fail inside the ML engine, for each type of error and together.',
    why: `The backend falls back to popular items meanwhile. MLEngineHighErrorRate pages when all types together are above ${threshold} per second for 5 minutes.`,
    action: 'The type names the cause: docs/runbooks/ml-engine-high-error-rate.md.',
    unit: 'cps',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [
      rangeQuery(`sum by (error_type) (rate(ml_engine_errors_total{${ml}}[$__rate_interval]))`, '{{error_type}}'),
      rangeQuery(`sum(rate(ml_engine_errors_total{${ml}}[$__rate_interval]))`, 'all'),
    ],
    colors: { all: states.alert },
    links: [
      logsLink('Errors in the log', '{service="ml-engine", level="ERROR"}'),
      tracesLink('Failed traces', { service: 'ml-engine', tags: 'error=true' }),
    ],
  })
}

function searchLatency() {
  const durations = `faiss_search_duration_seconds_bucket{${ml}}`
  return lines({
    title: 'FAISS search latency p50, p95',
    what: 'Time of a search for the nearest items that 50 and 95 of 100 searches stay below.',
    why: 'It grows with the index and with a busy processor.',
    action: 'Compare with CPU per service on System Health; a step after a training is a larger index.',
    unit: 's',
    min: 0,
    targets: [
      rangeQuery(quantileOf(0.5, durations), 'p50'),
      rangeQuery(quantileOf(0.95, durations), 'p95', { exemplar: true }),
    ],
    colors: { p50: percentiles.p50, p95: percentiles.p95 },
    links: [tracesLink('Traces with a search', { service: 'ml-engine', operation: 'ann_search' })],
  })
}

const hits = `sum(rate(embedding_cache_hits_total{${ml}}[$__rate_interval]))`
const misses = `sum(rate(embedding_cache_misses_total{${ml}}[$__rate_interval]))`

function hitRate() {
  return gauges({
    title: 'Embedding cache hit rate',
    what: 'Share of the embedding look-ups that the cache answers. Without look-ups there is no value.',
    why: 'Each miss generates an embedding, which is the slowest part of an answer.',
    action: 'Low after a restart is usual for some minutes; low for long: the cache is too small for the users.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds: [step(null, states.bad), step(alertThreshold('CacheHitRateLow'), states.good)],
    targets: [instantQuery(share(hits, `(${hits} + ${misses})`), 'hit rate')],
  }).noValue('no look-ups')
}

function hitsAndMisses() {
  return areas({
    title: 'Embedding cache hits and misses',
    what: 'Embedding look-ups per second that the cache answered and did not answer.',
    why: 'The hit rate says nothing of how many look-ups there are.',
    action: 'Misses that rise with the load: new users. Misses that rise alone: entries are lost.',
    unit: 'ops',
    min: 0,
    targets: [rangeQuery(hits, 'hits'), rangeQuery(misses, 'misses')],
    colors: lookUps,
  })
}

function embeddingLatency() {
  const durations = `embedding_generation_duration_seconds_bucket{${ml}}`
  return lines({
    title: 'Embedding generation latency p50, p95, p99',
    what: 'Time to generate an embedding that was not in the cache.',
    why: 'A user whose embedding is not cached waits for it.',
    action: 'Slow at the same rate of misses: the processor is busy, look for a training that runs.',
    unit: 's',
    min: 0,
    targets: [
      rangeQuery(quantileOf(0.5, durations), 'p50'),
      rangeQuery(quantileOf(0.95, durations), 'p95', { exemplar: true }),
      rangeQuery(quantileOf(0.99, durations), 'p99', { exemplar: true }),
    ],
    colors: percentiles,
    links: [tracesLink('Slow traces', { service: 'ml-engine', operation: 'get_user_embedding', minDuration: '100ms' })],
  })
}

function cacheAge() {
  const threshold = alertThreshold('EmbeddingCacheStale')
  return stat({
    title: 'Embedding cache age',
    what: 'Time since the embedding cache was last refreshed.',
    why: `Recommendations know nothing that happened since. EmbeddingCacheStale warns above ${threshold / 3600} h.`,
    action: 'Look why the refresh does not end: docs/runbooks/embedding-cache-stale.md.',
    unit: 's',
    thresholds: wrongAbove(threshold),
    targets: [
      instantQuery(`max by (instance) (time() - (embedding_cache_last_update_timestamp{${ml}} > 0))`, '{{instance}}'),
    ],
    links: [logsLink('Refreshes', '{service="ml-engine"} | json | event="embedding_cache_refreshed"')],
  }).noValue('never filled')
}

function tenantTrainingLinks() {
  return [
    logsLink(
      'Trainings of ${__field.labels.tenant_id}',
      '{service="ml-engine"} | json | event=~"training_.+" | tenant_id="${__field.labels.tenant_id}"',
    ),
    tracesLink('Traces of trainings', { service: 'ml-engine', operation: 'ml.training' }),
  ]
}
