/** API Performance: what callers of the backend API feel, and what it spends its time on. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { alertThreshold } from './alert-thresholds.ts'
import { buildPage } from './dashboard-page.ts'
import { httpStatuses, percentiles, states } from './palette.ts'
import { areas, barGauges, buckets, fieldProperties, gauges, lines, pie, wrongAbove, wrongBelow } from './panels.ts'
import { heatmapQuery, instantQuery, logsLink, orZero, quantileOf, rangeQuery, share, tracesLink } from './queries.ts'

const api = 'job="backend-api"'
const ofTenant = `${api}, tenant_id=~"$tenant"`
const rate = (selector: string) => `rate(${selector}[$__rate_interval])`
const requests = `sum(${rate(`http_requests_total{${ofTenant}}`)})`
const durations = `http_request_duration_seconds_bucket{${api}}`

export function apiPerformance(): Dashboard {
  return buildPage({
    uid: 'api-performance',
    title: 'API Performance',
    description: 'What callers of the backend API feel, and what it spends its time on.',
    refresh: '15s',
    from: '1h',
    rows: [
      {
        title: 'What callers feel',
        panels: [
          [requestRate(), 8, 9],
          [latency(), 8, 9],
          [errorRate(), 8, 9],
        ],
      },
      {
        title: 'Where',
        panels: [
          [slowestEndpoints(), 8, 8],
          [responseCodes(), 8, 8],
          [rateLimited(), 8, 8],
        ],
      },
      {
        title: 'Behind it',
        panels: [
          [cacheHitRate(), 8, 8],
          [databaseQueries(), 8, 8],
          [databaseLatency(), 8, 8],
        ],
      },
      {
        title: 'Load',
        panels: [
          [connections(), 8, 8],
          [requestSizes(), 8, 8],
          [responseSizes(), 8, 8],
        ],
      },
    ],
  })
}

function requestRate() {
  return lines({
    title: 'Request rate per endpoint',
    what: 'Requests per second that the API answers, for each endpoint, for the chosen tenants.',
    why: 'Everything else on this page reads differently at another load.',
    action: 'A sudden fall: callers do not reach us. A sudden rise: see which tenant on Business Metrics.',
    unit: 'reqps',
    min: 0,
    targets: [rangeQuery(`sum by (endpoint) (${rate(`http_requests_total{${ofTenant}}`)})`, '{{endpoint}}')],
    links: endpointLinks(),
  })
}

function latency() {
  const threshold = alertThreshold('HighLatencyP95')
  return lines({
    title: 'Latency p50, p95, p99',
    what: 'Time from the arrival of a request to its answer that 50, 95 and 99 of 100 requests stay below. All tenants.',
    why: `The p95 is what a user meets on an ordinary page. HighLatencyP95 pages when it is above ${threshold} s for 10 minutes.`,
    action: 'Look for the endpoint below, open a slow trace, and see which part of it takes the time.',
    unit: 's',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [
      rangeQuery(quantileOf(0.5, durations), 'p50'),
      rangeQuery(quantileOf(0.95, durations), 'p95', { exemplar: true }),
      rangeQuery(quantileOf(0.99, durations), 'p99', { exemplar: true }),
    ],
    colors: percentiles,
    links: [
      tracesLink('Slow traces', { service: 'backend-api', minDuration: `${threshold}s` }),
      logsLink('Failed requests', '{service="backend-api"} | json | event="request_failed"'),
    ],
  })
}

function errorRate() {
  const threshold = alertThreshold('HighErrorRate')
  const failed = `sum(${rate(`http_requests_total{${ofTenant}, status=~"5.."}`)})`
  return lines({
    title: 'Error rate by status',
    what: 'Share of the requests answered with each 4xx and 5xx status, and with any 5xx, for the chosen tenants.',
    why: `4xx are the caller's mistakes, 5xx are ours. HighErrorRate pages when 5xx are above ${threshold * 100} % for 5 minutes.`,
    action: 'Open the failed traces: the failed span names the dependency. docs/runbooks/high-error-rate.md.',
    unit: 'percentunit',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [
      rangeQuery(
        `sum by (status) (${rate(`http_requests_total{${ofTenant}, status=~"[45].."}`)})\n  / on () group_left () (${requests} > 0)`,
        '{{status}}',
      ),
      rangeQuery(share(orZero(failed, requests), requests), 'any 5xx'),
    ],
    colors: { ...httpStatuses, 'any 5xx': states.alert },
    links: errorLinks(),
  }).overrideByName('any 5xx', fieldProperties({ 'custom.lineWidth': 2 }))
}

function slowestEndpoints() {
  const threshold = alertThreshold('HighLatencyP95')
  return barGauges({
    title: 'Top 10 slowest endpoints',
    what: 'The ten endpoints with the highest p95 latency now. All tenants.',
    why: 'One slow endpoint can hide in the latency of all of them.',
    action: 'Click one for its slow traces.',
    unit: 's',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [instantQuery(`topk(10, ${quantileOf(0.95, durations, 'endpoint')} >= 0)`, '{{endpoint}}')],
    links: endpointLinks(),
  })
}

function responseCodes() {
  return pie({
    title: 'Response code distribution',
    what: 'How many requests got which status over the whole time range, for the chosen tenants.',
    why: 'It shows the weight of the errors that a rate shows only for a moment.',
    action: 'A large slice of 401 or 429 is a caller to talk to; of 5xx an incident to look at.',
    unit: 'short',
    decimals: 0,
    targets: [instantQuery(`sum by (status) (increase(http_requests_total{${ofTenant}}[$__range])) > 0`, '{{status}}')],
    colors: httpStatuses,
    links: errorLinks(),
  })
}

function rateLimited() {
  const threshold = alertThreshold('HighRateLimitExceeded')
  return lines({
    title: 'Rate limited requests',
    what: 'Requests per second answered 429, for each of the chosen tenants.',
    why: `A tenant at its limit loses requests. HighRateLimitExceeded warns above ${threshold} per second for 10 minutes.`,
    action:
      'Ask whether the tenant has outgrown its plan or has a runaway client. docs/runbooks/high-rate-limit-exceeded.md.',
    unit: 'reqps',
    min: 0,
    thresholds: wrongAbove(threshold),
    targets: [
      rangeQuery(`sum by (tenant_id) (${rate(`api_requests_rate_limited_total{${ofTenant}}`)})`, '{{tenant_id}}'),
    ],
    links: [
      logsLink(
        'Limited requests of ${__field.labels.tenant_id}',
        '{service="backend-api"} | json | event="rate_limited" | tenant_id="${__field.labels.tenant_id}"',
      ),
    ],
  })
}

function cacheHitRate() {
  const hits = `sum by (cache_type) (${rate(`cache_hits_total{${api}}`)})`
  const misses = `sum by (cache_type) (${rate(`cache_misses_total{${api}}`)})`
  return gauges({
    title: 'Cache hit rate',
    what: 'Share of the look-ups in each cache that found a value. Without look-ups there is no value.',
    why: `Each miss is a query to the database or a call to the ML engine. CacheHitRateLow warns below ${alertThreshold('CacheHitRateLow') * 100} % for 10 minutes.`,
    action: 'All caches at 0: Redis is down or was emptied. One of them: docs/runbooks/cache-hit-rate-low.md.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    thresholds: wrongBelow(alertThreshold('CacheHitRateLow')),
    targets: [instantQuery(share(orZero(hits, misses), `(${orZero(hits, misses)} + ${misses})`), '{{cache_type}}')],
    links: [logsLink('Storms of misses', '{service="backend-api"} | json | event="cache_miss_storm"')],
  }).noValue('no look-ups')
}

function databaseQueries() {
  return areas({
    title: 'Database queries',
    what: 'Queries per second that the API sends to PostgreSQL, by kind.',
    why: 'It rises when caches miss, and falls when the database can not be reached.',
    action: 'More queries at the same request rate: look at the cache hit rate.',
    unit: 'ops',
    min: 0,
    targets: [rangeQuery(`sum by (query_type) (${rate(`db_query_duration_seconds_count{${api}}`)})`, '{{query_type}}')],
    links: [tracesLink('Traces with queries', { service: 'backend-api', tags: 'db.system=postgresql' })],
  })
}

function databaseLatency() {
  return lines({
    title: 'Database query latency p95',
    what: 'Time that 95 of 100 queries stay below, waiting for a connection included, by kind.',
    why: 'The database is where most slow requests spend their time.',
    action: 'High for all kinds: the server or the pool. High for one: a query without an index.',
    unit: 's',
    min: 0,
    targets: [
      rangeQuery(quantileOf(0.95, `db_query_duration_seconds_bucket{${api}}`, 'query_type'), '{{query_type}}', {
        exemplar: true,
      }),
    ],
    links: [
      tracesLink('Slow traces with queries', {
        service: 'backend-api',
        minDuration: '500ms',
        tags: 'db.system=postgresql',
      }),
    ],
  })
}

function connections() {
  return lines({
    title: 'Active connections',
    what: 'Requests that the API works on or has waiting, and connections that it holds open to the database.',
    why: 'Both grow when answers slow down, before anything fails: a queue is building.',
    action: 'A pool at its size with requests waiting: the database is the narrow place.',
    unit: 'short',
    min: 0,
    targets: [
      rangeQuery(`sum(http_requests_in_progress{${api}})`, 'requests in progress'),
      rangeQuery(`sum by (pool_name) (db_connection_pool_size{${api}})`, 'database pool {{pool_name}}'),
    ],
  })
}

function requestSizes() {
  return buckets({
    title: 'Request size distribution',
    what: 'How many requests had a body of which size, over time. All tenants.',
    why: 'Large bodies cost memory and time, and a new client shows here first.',
    action: 'A new band of large bodies: find its endpoint, and limit it if need be.',
    unit: 'bytes',
    targets: [heatmapQuery(`sum by (le) (increase(http_request_size_bytes_bucket{${api}}[$__rate_interval]))`)],
  })
}

function responseSizes() {
  return buckets({
    title: 'Response size distribution',
    what: 'How many answers had a body of which size, over time. All tenants.',
    why: 'Errors are small and lists are large: a shift shows a change of what is answered.',
    action: 'A band that moves down while errors rise is the same incident; one that moves up may be a missing limit.',
    unit: 'bytes',
    targets: [heatmapQuery(`sum by (le) (increase(http_response_size_bytes_bucket{${api}}[$__rate_interval]))`)],
  })
}

function endpointLinks() {
  return [
    tracesLink('Traces of ${__field.labels.endpoint}', {
      service: 'backend-api',
      tags: 'http.route=${__field.labels.endpoint:percentencode}',
    }),
    logsLink('Failed requests', '{service="backend-api"} | json | event="request_failed"'),
  ]
}

function errorLinks() {
  return [
    logsLink('Errors in the log', '{service="backend-api", level="ERROR"}'),
    tracesLink('Failed traces', { service: 'backend-api', tags: 'error=true' }),
  ]
}
