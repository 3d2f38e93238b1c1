/** Business Metrics: who uses the platform, how much, and what it earns. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { buildPage } from './dashboard-page.ts'
import { states } from './palette.ts'
import { areas, barGauges, categoryBars, fieldProperties, lines, pie, stat, step, table } from './panels.ts'
import { instantQuery, logsLink, orZero, rangeQuery, share, tableQuery } from './queries.ts'

const ofTenant = 'job="backend-api", tenant_id=~"$tenant"'
const calls = `api_requests_total{${ofTenant}}`
const served = `recommendations_served_total{${ofTenant}}`
const revenue = `revenue_total_usd{${ofTenant}}`
/** No value of these is wrong by itself. */
const neutral = [step(null, states.busy)]
const noneIsBad = [step(null, states.bad), step(1, states.busy)]

export function businessMetrics(): Dashboard {
  return buildPage({
    uid: 'business-metrics',
    title: 'Business Metrics',
    description: 'Who uses the platform, how much, and what it earns. Revenue is mock data until billing is connected.',
    refresh: '30s',
    from: '6h',
    rows: [
      {
        title: 'Now',
        panels: [
          [servedLastHour(), 6, 5],
          [callsLastHour(), 6, 5],
          [activeTenants(), 6, 5],
          [revenueTotal(), 6, 5],
        ],
      },
      {
        title: 'Over time',
        panels: [
          [servedOverTime(), 8, 8],
          [callsByTenant(), 8, 8],
          [tenantGrowth(), 8, 8],
        ],
      },
      {
        title: 'By tenant',
        panels: [
          [topTenants(), 8, 9],
          [servedByTenant(), 8, 9],
          [endpoints(), 8, 9],
          [usage(), 12, 10],
          [dailyRevenue(), 12, 10],
        ],
      },
    ],
  })
}

function servedLastHour() {
  return stat({
    title: 'Recommendations served, last hour',
    what: 'Recommendation lists that were served to the chosen tenants in the last hour.',
    why: 'It is what customers pay for.',
    action: 'Far below the same hour of yesterday: look at API Performance.',
    unit: 'short',
    decimals: 0,
    thresholds: noneIsBad,
    targets: [instantQuery(`sum(increase(${served}[1h]))`, 'served')],
  })
}

function callsLastHour() {
  return stat({
    title: 'API calls, last hour',
    what: 'Calls of the chosen tenants in the last hour, those that failed or were limited included.',
    why: 'It is the load that plans are made for.',
    action: 'A sudden rise: see below which tenant, and whether it is rate limited.',
    unit: 'short',
    decimals: 0,
    thresholds: noneIsBad,
    targets: [instantQuery(`sum(increase(${calls}[1h]))`, 'calls')],
  })
}

function activeTenants() {
  return stat({
    title: 'Active tenants',
    what: 'Tenants (contract active or on trial) that called the API in the last 5 minutes.',
    why: 'Fewer than usual at a busy hour: somebody does not reach us and may not have told us yet.',
    action: 'Find who is missing in the table below and look for their failed requests.',
    unit: 'short',
    decimals: 0,
    thresholds: noneIsBad,
    targets: [instantQuery(activeTenantsExpression(), 'active')],
  })
}

function revenueTotal() {
  return stat({
    title: 'Revenue (mock)',
    what: 'Revenue from recommendations served in the time range, for the chosen tenants. Mock data until billing is connected.',
    why: 'It puts a price on an outage.',
    action: 'Compare with the same range of another day.',
    unit: 'currencyUSD',
    decimals: 2,
    thresholds: neutral,
    targets: [instantQuery(`sum(increase(${revenue}[$__range]))`, 'revenue')],
  })
}

function servedOverTime() {
  return lines({
    title: 'Recommendations over time',
    what: 'Recommendation lists served per second, by the algorithm that made them, for the chosen tenants.',
    why: 'Popular lists instead of personalised ones mean that the ML engine did not answer in time.',
    action: 'Much that is not personalised: look at ML Engine Performance.',
    unit: 'cps',
    min: 0,
    targets: [rangeQuery(`sum by (algorithm) (rate(${served}[$__rate_interval]))`, '{{algorithm}}')],
  })
}

function callsByTenant() {
  return areas({
    title: 'API calls by tenant',
    what: 'Calls per second of each of the chosen tenants, one upon the other.',
    why: 'It shows whose load a rise is.',
    action: 'Click a tenant for its requests in the log.',
    unit: 'reqps',
    min: 0,
    targets: [rangeQuery(`sum by (tenant_id) (rate(${calls}[$__rate_interval]))`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function tenantGrowth() {
  return lines({
    title: 'Tenant growth',
    what: 'Tenants with a contract or on trial, and those of them that called the API in the last 5 minutes.',
    why: 'The first line is growth, the second one is use: a growing distance between them is churn to come.',
    action: 'The second line falls at once: an outage. Slowly: ask the tenants.',
    unit: 'short',
    decimals: 0,
    min: 0,
    targets: [
      rangeQuery(`count(count by (tenant_id) (${contracts()})) or vector(0)`, 'tenants'),
      rangeQuery(activeTenantsExpression(), 'calling'),
    ],
  })
}

function topTenants() {
  return pie({
    title: 'Top 10 tenants by usage',
    what: 'The ten of the chosen tenants with the most calls in the time range.',
    why: 'It shows how much depends on how few.',
    action: 'Plan capacity for the largest; agree with it before changes.',
    unit: 'short',
    decimals: 0,
    targets: [instantQuery(`topk(10, sum by (tenant_id) (increase(${calls}[$__range])))`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function servedByTenant() {
  return barGauges({
    title: 'Recommendations by tenant',
    what: 'Recommendation lists served to each of the chosen tenants in the time range.',
    why: 'A tenant that calls much and gets few lists has an integration to mend.',
    action: 'Compare with the calls in the table below.',
    unit: 'short',
    decimals: 0,
    min: 0,
    thresholds: neutral,
    targets: [instantQuery(`sort_desc(sum by (tenant_id) (increase(${served}[$__range])))`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function endpoints() {
  return pie({
    title: 'Endpoint usage distribution',
    what: 'Calls of the chosen tenants in the time range, by endpoint.',
    why: 'It shows what the platform is used for.',
    action: 'An endpoint that nobody calls is one to retire; one that grows needs capacity.',
    unit: 'short',
    decimals: 0,
    targets: [instantQuery(`sum by (endpoint) (increase(${calls}[$__range])) > 0`, '{{endpoint}}')],
  })
}

function usage() {
  const byTenant = (selector: string) => `sum by (tenant_id) (increase(${selector}[$__range]))`
  const answers = byTenant(`http_requests_total{${ofTenant}, tenant_id!="none"}`)
  const failed = byTenant(`http_requests_total{${ofTenant}, tenant_id!="none", status=~"5.."}`)
  return table(
    {
      title: 'Tenant usage summary',
      what: 'For each of the chosen tenants over the time range: calls, lists served, calls rejected by the rate limit, share of answers with 5xx, revenue (mock); and how many calls it may send at once now.',
      why: 'It is the page to have open in a call with a customer.',
      action: 'Sort by the column in question; click a tenant for its requests in the log.',
      unit: 'short',
      decimals: 0,
      targets: [
        tableQuery(byTenant(calls)),
        tableQuery(byTenant(served)),
        tableQuery(byTenant(`api_requests_rate_limited_total{${ofTenant}}`)),
        tableQuery(share(orZero(failed, answers), answers)),
        tableQuery(byTenant(revenue)),
        tableQuery(`min by (tenant_id) (rate_limit_quota_remaining{${ofTenant}})`),
      ],
    },
    { tenant_id: 'Tenant', A: 'Calls', B: 'Served', C: 'Rate limited', D: 'Failed', E: 'Revenue', F: 'Quota left' },
  )
    .overrideByName('Failed', fieldProperties({ unit: 'percentunit', decimals: 2 }))
    .overrideByName('Revenue', fieldProperties({ unit: 'currencyUSD', decimals: 2 }))
    .overrideByName(
      'Tenant',
      fieldProperties({
        links: [
          logsLink(
            'Requests of ${__value.text}',
            '{service="backend-api"} | json | tenant_id="${__value.text}"',
          ).build(),
        ],
      }),
    )
}

/** Days that the bars go back, today included. */
const daysShown = 7

/** One answer with a row for each day and tenant: bars over time would leave out the day that has not ended yet. */
function dailyRevenue() {
  const tenants = `sum by (tenant_id) (tenant_status{${ofTenant}})`
  const days = Array.from({ length: daysShown }, (_, ago) => {
    const offset = ago === 0 ? '' : ` offset ${ago}d`
    const day = `sum by (tenant_id) (increase(${revenue}[1d]${offset}))`
    // Days before the first sample earned nothing.
    return `label_replace(${orZero(day, tenants)}, "day", "-${ago}d", "", "")`
  })
  return categoryBars(
    {
      title: 'Revenue by tenant, daily',
      what: `Revenue (mock) of the chosen tenants in each of the last ${daysShown} days of 24 hours, -0d being the one that ends now.`,
      why: 'It shows trends that a single day hides.',
      action: 'A day that is lower than the others: look for an incident in it.',
      unit: 'currencyUSD',
      decimals: 2,
      min: 0,
      targets: [tableQuery(days.join('\n  or\n'))],
    },
    'day\\tenant_id',
  )
    .withTransformation({
      id: 'groupingToMatrix',
      options: { columnField: 'tenant_id', rowField: 'day', valueField: 'Value', emptyValue: 'zero' },
    })
    .withTransformation({ id: 'sortBy', options: { fields: {}, sort: [{ field: 'day\\tenant_id', desc: true }] } })
}

function contracts(): string {
  return `tenant_status{${ofTenant}, status=~"active|trial"} == 1`
}

function activeTenantsExpression(): string {
  return `count(\n  sum by (tenant_id) (increase(${calls}[5m])) > 0\n    and on (tenant_id) ${contracts()}\n) or vector(0)`
}

function tenantLinks() {
  return [
    logsLink(
      'Requests of ${__field.labels.tenant_id}',
      '{service="backend-api"} | json | tenant_id="${__field.labels.tenant_id}"',
    ),
  ]
}
