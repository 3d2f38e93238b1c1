/** Cost: what each tenant uses of the platform, what that costs, and what is left of what it earns. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { buildPage } from './dashboard-page.ts'
import { states } from './palette.ts'
import { areas, barGauges, fieldProperties, lines, stat, step, table } from './panels.ts'
import { instantQuery, logsLink, rangeQuery, share, tableQuery } from './queries.ts'

const ofTenant = 'job=~"backend-api|ml-engine|data-pipeline", tenant_id=~"$tenant"'
const cost = `tenant_cost_usd_total{${ofTenant}}`
const compute = `tenant_compute_seconds_total{${ofTenant}}`
const storage = 'tenant_storage_bytes{job="data-pipeline", tenant_id=~"$tenant"}'
const calls = 'api_requests_total{job="backend-api", tenant_id=~"$tenant"}'
const served = 'recommendations_served_total{job="backend-api", tenant_id=~"$tenant"}'
const revenue = 'revenue_total_usd{job="backend-api", tenant_id=~"$tenant"}'
/** No value of these is wrong by itself. */
const neutral = [step(null, states.busy)]

export function costPage(): Dashboard {
  return buildPage({
    uid: 'cost',
    title: 'Cost',
    description: 'What each tenant uses, what it costs by the price table of the world file, and what it earns (mock).',
    refresh: '30s',
    from: '6h',
    rows: [
      {
        title: 'Now',
        panels: [
          [costPerHour(), 6, 5],
          [perThousand(), 6, 5],
          [computeNow(), 6, 5],
          [storedNow(), 6, 5],
        ],
      },
      {
        title: 'Over time',
        panels: [
          [costByTenant(), 12, 8],
          [costByResource(), 12, 8],
          [computeByTenant(), 12, 8],
          [storageGrowth(), 12, 8],
        ],
      },
      {
        title: 'By tenant',
        panels: [
          [perThousandByTenant(), 8, 10],
          [bill(), 16, 10],
        ],
      },
    ],
  })
}

function costPerHour() {
  return stat({
    title: 'Cost per hour',
    what: 'What the chosen tenants cost in an hour at the rate of the last minutes.',
    why: 'It is the number to compare with the invoice of the cloud.',
    action: 'Higher than usual: see below which tenant and which resource.',
    unit: 'currencyUSD',
    decimals: 4,
    thresholds: neutral,
    targets: [instantQuery(`sum(rate(${cost}[$__rate_interval])) * 3600`, 'cost')],
  })
}

function perThousand() {
  return stat({
    title: 'Cost per thousand recommendations',
    what: 'Cost of the chosen tenants by a thousand of the recommendation lists served to them, over the last minutes.',
    why: 'It must stay below the price of a thousand lists, or growth makes a loss.',
    action: 'Higher than usual: fewer answers come from the cache, or models are trained for few calls.',
    unit: 'currencyUSD',
    decimals: 4,
    thresholds: neutral,
    targets: [
      instantQuery(
        `1000 * ${share(`sum(rate(${cost}[$__rate_interval]))`, `sum(rate(${served}[$__rate_interval]))`)}`,
        'per thousand',
      ),
    ],
  })
}

function computeNow() {
  return stat({
    title: 'Cores at work',
    what: 'Processor seconds a second that the services spend on the chosen tenants, over the last minutes.',
    why: 'Compute is what tenants cost most.',
    action: 'Compare with the CPU of the services on System Health: the difference is that of no tenant.',
    unit: 'short',
    decimals: 2,
    thresholds: neutral,
    targets: [instantQuery(`sum(rate(${compute}[$__rate_interval]))`, 'cores')],
  })
}

function storedNow() {
  return stat({
    title: 'Stored',
    what: 'Bytes that the database holds for the chosen tenants.',
    why: 'Storage is paid for whether it is used or not.',
    action: 'Look for data that nobody reads any more.',
    unit: 'bytes',
    decimals: 1,
    thresholds: neutral,
    targets: [instantQuery(`sum(${storage})`, 'stored')],
  })
}

function costByTenant() {
  return areas({
    title: 'Cost by tenant',
    what: 'Cost per hour of each of the chosen tenants, one upon the other.',
    why: 'It shows whose cost a rise is.',
    action: 'Click a tenant for its requests in the log.',
    unit: 'currencyUSD',
    min: 0,
    targets: [rangeQuery(`sum by (tenant_id) (rate(${cost}[$__rate_interval])) * 3600`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function costByResource() {
  return areas({
    title: 'Cost by resource',
    what: 'Cost per hour of the chosen tenants: compute, storage, requests.',
    why: 'It shows which price matters.',
    action: 'Compute rises without requests: training, or a lower hit rate of the caches.',
    unit: 'currencyUSD',
    min: 0,
    targets: [rangeQuery(`sum by (resource) (rate(${cost}[$__rate_interval])) * 3600`, '{{resource}}')],
  })
}

function computeByTenant() {
  return areas({
    title: 'Compute by tenant',
    what: 'Processor seconds a second that the services spend on each of the chosen tenants.',
    why: 'One tenant that takes most of the processor slows the others down.',
    action: 'Agree on a limit with it, or give it capacity of its own.',
    unit: 'short',
    min: 0,
    targets: [rangeQuery(`sum by (tenant_id) (rate(${compute}[$__rate_interval]))`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function storageGrowth() {
  return lines({
    title: 'Storage growth by tenant',
    what: 'Bytes a second that the database gains for each of the chosen tenants, over 5 minutes.',
    why: 'It says when the next disk is needed, and for whom.',
    action: 'Flat at zero while there are calls: the data pipeline stores nothing.',
    unit: 'Bps',
    targets: [rangeQuery(`sum by (tenant_id) (deriv(${storage}[5m]))`, '{{tenant_id}}')],
    links: tenantLinks(),
  })
}

function perThousandByTenant() {
  return barGauges({
    title: 'Cost per thousand recommendations, by tenant',
    what: 'Cost of each of the chosen tenants by a thousand recommendation lists served to it, over the time range.',
    why: 'Small tenants cost more by the list: training and storage are spread over fewer of them.',
    action: 'Compare with the price of the plan.',
    unit: 'currencyUSD',
    decimals: 4,
    min: 0,
    thresholds: neutral,
    targets: [
      instantQuery(
        `sort_desc(1000 * ${share(`sum by (tenant_id) (increase(${cost}[$__range]))`, `sum by (tenant_id) (increase(${served}[$__range]))`)})`,
        '{{tenant_id}}',
      ),
    ],
    links: tenantLinks(),
  })
}

function bill() {
  const byTenant = (selector: string) => `sum by (tenant_id) (increase(${selector}[$__range]))`
  return table(
    {
      title: 'Usage and cost by tenant',
      what: 'For each of the chosen tenants over the time range: calls, processor seconds, bytes stored at its end, cost, cost per thousand recommendations, revenue (mock) and what is left of it.',
      why: 'It is the page to have open before a contract is renewed.',
      action: 'Sort by what is left; a tenant below zero costs more than it pays.',
      unit: 'short',
      decimals: 0,
      targets: [
        tableQuery(byTenant(calls)),
        tableQuery(byTenant(compute)),
        tableQuery(`sum by (tenant_id) (${storage})`),
        tableQuery(byTenant(cost)),
        tableQuery(`1000 * ${share(byTenant(cost), byTenant(served))}`),
        tableQuery(byTenant(revenue)),
        tableQuery(`${byTenant(revenue)}\n  - ${byTenant(cost)}`),
      ],
    },
    {
      tenant_id: 'Tenant',
      A: 'Calls',
      B: 'Processor seconds',
      C: 'Stored',
      D: 'Cost',
      E: 'Cost per thousand',
      F: 'Revenue',
      G: 'Left',
    },
  )
    .overrideByName('Stored', fieldProperties({ unit: 'bytes', decimals: 1 }))
    .overrideByName('Cost', fieldProperties({ unit: 'currencyUSD', decimals: 4 }))
    .overrideByName('Cost per thousand', fieldProperties({ unit: 'currencyUSD', decimals: 4 }))
    .overrideByName('Revenue', fieldProperties({ unit: 'currencyUSD', decimals: 4 }))
    .overrideByName('Left', fieldProperties({ unit: 'currencyUSD', decimals: 4 }))
}

function tenantLinks() {
  return [
    logsLink(
      'Requests of ${__field.labels.tenant_id}',
      '{service="backend-api"} | json | tenant_id="${__field.labels.tenant_id}"',
    ),
  ]
}
