/** Every metric of the backend API, as the platform's catalogue documents them. */
import type { Registry } from 'prom-client'
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  fastLatencyBuckets,
  latencyBuckets,
  registerMetrics,
  sizeBuckets,
} from '../runtime/telemetry/metrics.ts'

export const cacheTypes = ['recommendations', 'items', 'sessions'] as const
export type CacheType = (typeof cacheTypes)[number]

export const backendApiMetrics = {
  requests: defineCounter(
    'http_requests_total',
    'Requests answered, by method, templated endpoint, status and tenant (none: no tenant known)',
    ['method', 'endpoint', 'status', 'tenant_id'],
  ),
  requestDuration: defineHistogram(
    'http_request_duration_seconds',
    'Time from the arrival of a request to its answer, waiting for a worker included',
    ['method', 'endpoint'],
    latencyBuckets,
  ),
  requestsInProgress: defineGauge('http_requests_in_progress', 'Requests that are worked on or wait for a worker', [
    'method',
    'endpoint',
  ]),
  requestSize: defineHistogram(
    'http_request_size_bytes',
    'Size of request bodies',
    ['method', 'endpoint'],
    sizeBuckets,
  ),
  responseSize: defineHistogram(
    'http_response_size_bytes',
    'Size of answer bodies',
    ['method', 'endpoint'],
    sizeBuckets,
  ),
  recommendationsServed: defineCounter(
    'recommendations_served_total',
    'Recommendation lists served, by the algorithm that made them',
    ['tenant_id', 'algorithm'],
  ),
  recommendationQuality: defineGauge(
    'recommendation_quality',
    'Quality of what is served: share of personalised lists, share of events that are clicks',
    ['tenant_id', 'metric'],
  ),
  recommendationDuration: defineHistogram(
    'recommendation_duration_seconds',
    'Time to make a recommendation list, cache included',
    ['tenant_id', 'algorithm'],
    latencyBuckets,
  ),
  recommendationItems: defineHistogram(
    'recommendation_items_count',
    'Items in a recommendation list',
    ['tenant_id'],
    [1, 5, 10, 20, 50, 100],
  ),
  cacheHits: defineCounter('cache_hits_total', 'Cache look-ups that found a value', ['cache_type']),
  cacheMisses: defineCounter('cache_misses_total', 'Cache look-ups that found none, failed ones included', [
    'cache_type',
  ]),
  cacheDuration: defineHistogram(
    'cache_operations_duration_seconds',
    'Time of a cache operation',
    ['cache_type', 'operation'],
    fastLatencyBuckets,
  ),
  cacheSize: defineGauge('cache_size_bytes', 'Memory that the keys of a cache take in the cache server', [
    'cache_type',
  ]),
  cacheEvictions: defineCounter('cache_evictions_total', 'Keys removed from a cache, by reason', [
    'cache_type',
    'reason',
  ]),
  rateLimited: defineCounter('api_requests_rate_limited_total', 'Requests answered 429', ['tenant_id', 'endpoint']),
  rateLimitQuota: defineGauge(
    'rate_limit_quota_remaining',
    'Requests that the tenant may send at once before it is limited',
    ['tenant_id'],
  ),
  queryDuration: defineHistogram(
    'db_query_duration_seconds',
    'Time of a database query, waiting for a connection included',
    ['query_type'],
    fastLatencyBuckets,
  ),
  poolSize: defineGauge('db_connection_pool_size', 'Connections open to the database', ['pool_name']),
  apiRequests: defineCounter('api_requests_total', 'Requests of known tenants', ['tenant_id', 'endpoint']),
  revenue: defineCounter('revenue_total_usd', 'Revenue from served recommendations, USD (mock)', ['tenant_id']),
  tenantStatus: defineGauge('tenant_status', '1 for the current status of the tenant', ['tenant_id', 'status']),
} as const

export type BackendApiMetrics = ReturnType<typeof registerBackendApiMetrics>

export function registerBackendApiMetrics(registry: Registry) {
  return registerMetrics(backendApiMetrics, registry)
}
