import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { expect, test } from 'vitest'
import { readRegistry } from '../../simulator/scrape/registry-reading.ts'
import type { MetricFamily } from '../../simulator/scrape/scraper.ts'

test('a registry is read as prom-client gives it, before and after it counts on', async () => {
  const { registry, count } = createRegistry()
  for (let turn = 0; turn < 3; turn += 1) {
    const read = await readRegistry(registry)
    expect(plain(read)).toEqual(plain((await registry.getMetricsAsJSON()) as unknown as MetricFamily[]))
    count(turn)
  }
})

test('the labels of a series are the same object at every reading, so that it is known again', async () => {
  const { registry, count } = createRegistry()
  count(0)
  const [first, second] = [await readRegistry(registry), await readRegistry(registry)]
  // A gauge that is set gets new labels each time, and prom-client makes those of a summary itself.
  const labelsOf = (read: readonly MetricFamily[]) =>
    read
      .filter(({ name }) => name !== 'asked' && name !== 'reads')
      .flatMap(({ values }) => values.map(({ labels }) => labels))
  for (const [i, labels] of labelsOf(first).entries()) expect(labelsOf(second)[i]).toBe(labels)
})

test('a reading stays what it was while the registry counts on', async () => {
  const { registry, count } = createRegistry()
  const read = await readRegistry(registry)
  const before = plain(read)
  count(1)
  expect(plain(read)).toEqual(before)
})

function createRegistry() {
  const registry = new Registry()
  const registers = [registry]
  const counter = new Counter({ name: 'requests_total', help: 'h', labelNames: ['status', 'path'], registers })
  const bare = new Counter({ name: 'bare_total', help: 'h', registers })
  const gauge = new Gauge({ name: 'in_progress', help: 'h', labelNames: ['path'], registers })
  const histogram = new Histogram({
    name: 'duration_seconds',
    help: 'h',
    labelNames: ['path'],
    buckets: [0.1, 1, 2.5],
    registers,
  })
  const summary = new Summary({ name: 'asked', help: 'h', registers })
  let reads = 0
  new Gauge({
    name: 'reads',
    help: 'brought up to date when it is read',
    registers,
    collect() {
      this.set(reads > 0 ? 1 : 0)
      reads += 1
    },
  })
  const count = (turn: number) => {
    counter.inc({ status: '200', path: `/${turn}` })
    counter.inc({ path: '/', status: '500' }, 0.25)
    bare.inc()
    gauge.inc({ path: '/' })
    summary.observe(turn)
    for (const seconds of [0.05, 0.1, 0.3, 99]) histogram.observe({ path: `/${turn % 2}` }, seconds)
  }
  reads += 1
  count(7)
  return { registry, count }
}

/** Without what only prom-client's own text needs. */
function plain(families: readonly MetricFamily[]) {
  return families.map(({ name, values }) => ({
    name,
    values: values.map(({ value, labels, metricName }) => ({ value, labels: Object.entries(labels), metricName })),
  }))
}
