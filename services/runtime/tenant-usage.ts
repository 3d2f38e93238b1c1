/**
 * What each tenant uses and what that costs: processor time, calls, bytes kept. A service books usage where the work is
 * done; the metrics are brought to date when somebody scrapes, so that a booking costs next to nothing.
 */
import type { Registry } from 'prom-client'
import { defineCounter, registerMetrics } from './telemetry/metrics.ts'
import type { Tenant } from './tenant.ts'

/** The price table, as the world file states it. */
export interface Prices {
  /** USD for an hour of one core. */
  readonly computePerCoreHour: number
  /** USD for keeping a GiB for a month (730 hours). */
  readonly storagePerGibMonth: number
  /** USD for a thousand calls of the API. */
  readonly requestsPerThousand: number
}

export const tenantUsageMetrics = {
  compute: defineCounter(
    'tenant_compute_seconds_total',
    'Processor time that the service has spent on work for the tenant, seconds',
    ['tenant_id'],
  ),
  cost: defineCounter(
    'tenant_cost_usd_total',
    'Cost of what the tenant has used, USD, by resource: compute, storage, requests',
    ['tenant_id', 'resource'],
  ),
} as const

/** What the label `resource` may be. */
export type Resource = 'compute' | 'storage' | 'requests'

export interface TenantUsage {
  /** Books processor time that was spent. */
  compute(tenantId: string, ms: number): void
  /** Books one call of the API. */
  request(tenantId: string): void
  /** Books that so many bytes were kept for so long. */
  stored(tenantId: string, bytes: number, ms: number): void
  /** Brings the metrics to date: before each scrape. */
  expose(): void
}

const msPerHour = 3_600_000
const hoursPerMonth = 730
const bytesPerGib = 1024 ** 3

/**
 * @param charged resources that this service charges; they are exposed at 0 from the start
 * @param counters lazy: a series is born with its first booking
 */
export function createTenantUsage(
  registry: Registry,
  tenants: readonly Tenant[],
  prices: Prices,
  { charged, counters }: { readonly charged: readonly Resource[]; readonly counters: 'lazy' | 'eager' },
): TenantUsage {
  const metrics = registerMetrics(tenantUsageMetrics, registry)
  const computeMs = new Tally()
  const costs: Readonly<Record<Resource, Tally>> = { compute: new Tally(), storage: new Tally(), requests: new Tally() }
  if (counters === 'eager') {
    for (const { id } of tenants) {
      if (charged.includes('compute')) computeMs.add(id, 0)
      for (const resource of charged) costs[resource].add(id, 0)
    }
  }
  return {
    compute: (tenantId, ms) => computeMs.add(tenantId, ms),
    request: (tenantId) => costs.requests.add(tenantId, prices.requestsPerThousand / 1000),
    stored: (tenantId, bytes, ms) =>
      costs.storage.add(tenantId, (bytes / bytesPerGib) * (ms / msPerHour / hoursPerMonth) * prices.storagePerGibMonth),
    expose() {
      computeMs.take((tenantId, ms) => {
        metrics.compute.inc({ tenant_id: tenantId }, ms / 1000)
        costs.compute.add(tenantId, (ms / msPerHour) * prices.computePerCoreHour)
      })
      for (const resource of charged) {
        costs[resource].take((tenantId, usd) => metrics.cost.inc({ tenant_id: tenantId, resource }, usd))
      }
    },
  }
}

/** Sums by tenant since they were last taken. */
class Tally {
  readonly #sums = new Map<string, number>()

  add(tenantId: string, amount: number): void {
    this.#sums.set(tenantId, (this.#sums.get(tenantId) ?? 0) + amount)
  }

  take(give: (tenantId: string, amount: number) => void): void {
    for (const [tenantId, amount] of this.#sums) give(tenantId, amount)
    this.#sums.clear()
  }
}
