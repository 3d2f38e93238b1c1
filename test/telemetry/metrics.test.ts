/** The metrics module: exemplars in OpenMetrics, units, and the guard against label explosions. */
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { exposeText } from '../../services/runtime/live/exposition-text.ts'
import { rememberExemplar } from '../../services/runtime/telemetry/exemplars.ts'
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  registerMetrics,
} from '../../services/runtime/telemetry/metrics.ts'
import { registerTelemetryMetrics } from '../../services/runtime/telemetry/telemetry-metrics.ts'

const definitions = {
  orders: defineCounter('orders_total', 'Orders', ['tenant_id']),
  stock: defineGauge('stock_items', 'Items', ['tenant_id']),
  duration: defineHistogram('order_duration_seconds', 'Time of an order', ['tenant_id'], [0.1, 1]),
} as const

const openMetrics = 'application/openmetrics-text'

test('a bucket carries the trace of the last request that fell into it, and plain text none', async () => {
  const registry = new Registry()
  const { duration } = registerMetrics(definitions, registry)
  const observe = (seconds: number, traceId: string) => {
    duration.observe({ tenant_id: 't1' }, seconds)
    rememberExemplar(duration, { tenant_id: 't1' }, seconds, { traceId, spanId: 'b7' }, 1_700_000_000_500)
  }
  observe(0.5, 'a1')
  observe(0.7, 'a2')
  observe(5, 'a3')
  const { text } = await exposeText(registry, openMetrics)
  expect(text).toContain('# UNIT order_duration_seconds seconds\n')
  expect(text.split('\n').filter((line) => line.startsWith('order_duration_seconds_bucket'))).toEqual([
    'order_duration_seconds_bucket{le="0.1",tenant_id="t1"} 0',
    'order_duration_seconds_bucket{le="1",tenant_id="t1"} 2 # {trace_id="a2",span_id="b7"} 0.7 1700000000.5',
    'order_duration_seconds_bucket{le="+Inf",tenant_id="t1"} 3 # {trace_id="a3",span_id="b7"} 5 1700000000.5',
  ])
  expect((await exposeText(registry, undefined)).text).not.toContain('trace_id')
})

describe('a metric takes a bounded number of label sets', () => {
  const guarded = () => {
    const registry = new Registry()
    const refresh = registerTelemetryMetrics(registry, () => [], 3)
    return { registry, refresh, ...registerMetrics(definitions, registry) }
  }
  const tenants = Array.from({ length: 10 }, (_, i) => `t${i}`)

  test('counts and times of the others are summed, so totals stay right', async () => {
    const { registry, orders, duration } = guarded()
    for (const tenant_id of tenants) {
      orders.inc({ tenant_id })
      orders.labels(tenant_id).inc()
      duration.labels({ tenant_id }).observe(0.5)
    }
    const { text } = await exposeText(registry, undefined)
    expect(text.match(/^orders_total\{.*$/gm)).toEqual([
      'orders_total{tenant_id="t0"} 2',
      'orders_total{tenant_id="t1"} 2',
      'orders_total{tenant_id="t2"} 2',
      'orders_total{tenant_id="overflow"} 14',
    ])
    expect(text).toContain('order_duration_seconds_count{tenant_id="overflow"} 7')
    expect(text).toContain('telemetry_series_overflow_total{metric="orders_total"} 14')
  })

  test('a gauge leaves them out, and a label set that was removed makes room', async () => {
    const { registry, stock } = guarded()
    for (const tenant_id of tenants) stock.set({ tenant_id }, 1)
    stock.remove({ tenant_id: 't1' })
    stock.set({ tenant_id: 'new' }, 1)
    stock.labels('too many').set(1)
    const { text } = await exposeText(registry, undefined)
    expect(text.match(/^stock_items\{.*$/gm)).toEqual([
      'stock_items{tenant_id="t0"} 1',
      'stock_items{tenant_id="t2"} 1',
      'stock_items{tenant_id="new"} 1',
    ])
  })
})

test('what was generated and lost is counted, and shown as it rises', async () => {
  const registry = new Registry()
  const lost = { 'buffer-full': 0 }
  const refresh = registerTelemetryMetrics(registry, () => [{ signal: 'spans', generated: 5, lost }])
  refresh()
  lost['buffer-full'] = 3
  refresh()
  refresh()
  const { text } = await exposeText(registry, undefined)
  expect(text).toContain('telemetry_records_total{signal="spans"} 5')
  expect(text).toContain('telemetry_lost_total{signal="spans",reason="buffer-full"} 3')
})
