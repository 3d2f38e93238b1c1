import { Counter, Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { quickenCounter, quickenHistogram } from '../../services/runtime/telemetry/quick-series.ts'

const labelNames = ['status', 'path'] as const
const buckets = [0.005, 0.1, 1, 2.5]

test('what is counted quickly is what prom-client counts', async () => {
  const [quick, plain] = [createMetrics(true), createMetrics(false)]
  for (const { counter, bare, histogram } of [quick, plain]) {
    for (let i = 0; i < 200; i += 1) {
      const path = `/${i % 3}`
      counter.inc({ path, status: i % 2 ? '200' : '500' })
      counter.inc({ status: '200', path }, i / 7)
      // A label may be left out, and a number is the text that it makes.
      counter.inc({ path }, 2)
      counter.labels({ path, status: '200' }).inc(0.5)
      counter.labels('200', path).inc()
      bare.inc()
      bare.inc(2)
      histogram.observe({ path, status: 200 }, i / 50)
      histogram.labels('200', path).observe(0.1)
      if (i === 90) counter.remove({ path: '/1', status: '200' })
      if (i === 120) histogram.reset()
    }
  }
  expect(await quick.registry.metrics()).toBe(await plain.registry.metrics())
})

test.for([
  { problem: 'a label that the metric does not have', labels: { path: '/', stauts: '200' }, value: 1 },
  { problem: 'one label too many', labels: { path: '/', status: '200', user: 'u' }, value: 1 },
  { problem: 'a value without end', labels: { path: '/', status: '200' }, value: Number.POSITIVE_INFINITY },
])('$problem is an error, also for a series that is known', ({ labels, value }) => {
  const { counter, histogram } = createMetrics(true)
  for (let i = 0; i < 3; i += 1) {
    counter.inc({ path: '/', status: '200' })
    histogram.observe({ path: '/', status: '200' }, 1)
  }
  expect(() => counter.inc(labels as never, value)).toThrow(/is not included|not a valid number/)
  expect(() => histogram.observe(labels as never, value)).toThrow(/is not included|not a valid number/)
})

test('a counter does not fall', () => {
  const { counter } = createMetrics(true)
  counter.inc({ path: '/', status: '200' })
  expect(() => counter.inc({ path: '/', status: '200' }, -1)).toThrow('not possible to decrease')
})

function createMetrics(quick: boolean) {
  const registry = new Registry()
  const registers = [registry]
  const counter = new Counter({ name: 'requests_total', help: 'h', labelNames, registers })
  const bare = new Counter({ name: 'bare_total', help: 'h', registers })
  const histogram = new Histogram({ name: 'duration_seconds', help: 'h', labelNames, buckets, registers })
  if (quick) {
    quickenCounter(counter)
    quickenCounter(bare)
    quickenHistogram(histogram)
  }
  return { registry, counter, bare, histogram }
}
