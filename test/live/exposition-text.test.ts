/** What a scraper of a live process gets: Prometheus's text, or OpenMetrics where it asks for it. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { exposeText } from '../../services/runtime/live/exposition-text.ts'
import { parseSamples } from '../../simulator/live/exposition-reader.ts'

function registry(): Registry {
  const own = new Registry()
  const requests = new Counter({ name: 'a_total', help: 'Requests "all"', labelNames: ['path'], registers: [own] })
  requests.inc({ path: '/say "hi"\\\n' }, 2)
  new Counter({ name: 'revenue_total_usd', help: 'Revenue', registers: [own] }).inc(1.5)
  new Gauge({ name: 'g', help: 'Gauge', registers: [own] }).set(Number.POSITIVE_INFINITY)
  new Histogram({ name: 'h', help: 'Histogram', buckets: [0.5, 1], registers: [own] }).observe(0.7)
  return own
}

test('without a wish it is plain text', async () => {
  const { contentType, text } = await exposeText(registry(), undefined)
  expect(contentType).toContain('text/plain; version=0.0.4')
  expect(text).toBe(`# HELP a_total Requests "all"
# TYPE a_total counter
a_total{path="/say \\"hi\\"\\\\\\n"} 2
# HELP revenue_total_usd Revenue
# TYPE revenue_total_usd counter
revenue_total_usd 1.5
# HELP g Gauge
# TYPE g gauge
g +Inf
# HELP h Histogram
# TYPE h histogram
h_bucket{le="0.5"} 0
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 1
h_sum 0.7
h_count 1
`)
})

test('as OpenMetrics a counter keeps its documented name, also one that does not end in _total', async () => {
  const { contentType, text } = await exposeText(registry(), 'application/openmetrics-text')
  expect(contentType).toContain('application/openmetrics-text; version=1.0.0')
  expect(text).toContain('# TYPE a counter\na_total{')
  expect(text).toContain('# TYPE revenue_total_usd unknown\nrevenue_total_usd 1.5')
  expect(text.endsWith('# EOF\n')).toBe(true)
})

test.each([
  [
    'what Prometheus sends',
    'application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    true,
  ],
  ['plain text preferred', 'application/openmetrics-text;q=0.3,text/plain;q=0.9', false],
  ['anything', '*/*', false],
  ['nothing we know', 'application/vnd.google.protobuf', false],
])('the scraper decides: %s', async (_, accept, openMetrics) => {
  const { text } = await exposeText(registry(), accept)
  expect(text.endsWith('# EOF\n')).toBe(openMetrics)
})

test('our own reader reads it back', async () => {
  const { text } = await exposeText(registry(), undefined)
  expect(parseSamples(text)).toContainEqual({ name: 'a_total', labels: { path: '/say "hi"\\\n' }, value: 2 })
  expect(parseSamples(text)).toContainEqual({ name: 'g', labels: {}, value: Number.POSITIVE_INFINITY })
})
