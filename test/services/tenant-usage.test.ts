/** What tenants use is what was booked, and what it costs is that times the price. */
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Tenant } from '../../services/runtime/tenant.ts'
import { createTenantUsage, type TenantUsage } from '../../services/runtime/tenant-usage.ts'

const prices = { computePerCoreHour: 0.036, storagePerGibMonth: 0.73, requestsPerThousand: 2 }
const tenants = [{ id: 'acme' }, { id: 'globex' }] as Tenant[]
const gib = 1024 ** 3
const hourMs = 3_600_000

let registry: Registry
beforeEach(() => {
  registry = new Registry()
})

function usageWith(counters: 'lazy' | 'eager'): TenantUsage {
  return createTenantUsage(registry, tenants, prices, { charged: ['compute', 'storage', 'requests'], counters })
}

async function valuesOf(name: string): Promise<Record<string, number>> {
  const { values } = (await registry.getSingleMetric(name)!.get()) as {
    values: { labels: Record<string, string>; value: number }[]
  }
  return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join('/'), value]))
}

describe('eager counters', () => {
  test('stand at 0 for every tenant and resource before anything was used', async () => {
    usageWith('eager').expose()
    expect(await valuesOf('tenant_compute_seconds_total')).toEqual({ acme: 0, globex: 0 })
    expect(Object.keys(await valuesOf('tenant_cost_usd_total')).sort()).toEqual([
      'acme/compute',
      'acme/requests',
      'acme/storage',
      'globex/compute',
      'globex/requests',
      'globex/storage',
    ])
  })
})

describe('lazy counters', () => {
  test('are born with the first booking', async () => {
    const usage = usageWith('lazy')
    usage.expose()
    expect(await valuesOf('tenant_cost_usd_total')).toEqual({})
    usage.request('acme')
    usage.expose()
    expect(await valuesOf('tenant_cost_usd_total')).toEqual({ 'acme/requests': 0.002 })
  })

  test('add up what was booked since the last scrape', async () => {
    const usage = usageWith('lazy')
    usage.compute('acme', 30_000)
    usage.compute('globex', 10_000)
    usage.expose()
    usage.compute('acme', 70_000)
    usage.expose()
    usage.expose()
    expect(await valuesOf('tenant_compute_seconds_total')).toEqual({ acme: 100, globex: 10 })
    const cost = await valuesOf('tenant_cost_usd_total')
    expect(cost['acme/compute']).toBeCloseTo(0.001, 12)
    expect(cost['globex/compute']).toBeCloseTo(0.0001, 12)
  })

  test('charge kept bytes by the time for which they were kept', async () => {
    const usage = usageWith('lazy')
    usage.stored('acme', 10 * gib, 73 * hourMs)
    usage.expose()
    expect((await valuesOf('tenant_cost_usd_total'))['acme/storage']).toBeCloseTo(0.73, 12)
  })
})
