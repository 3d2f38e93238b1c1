/** The simulated scrape does what Prometheus's does: its own series, staleness, limits, honor_labels, time-outs, gaps. */
import { describe, expect, test } from 'vitest'
import { configOf, type Line, labelsOf, scrape, valuesOf } from './scrape-with.ts'

const config = (job = '', labels = '{}') => `global: { scrape_interval: 15s, scrape_timeout: 10s }
scrape_configs:
  - job_name: api
    static_configs: [{ targets: ['api:80'], labels: ${labels} }]
    ${job}
`

const twoSeries: readonly Line[] = [
  ['x', { part: 'a' }, 1],
  ['x', { part: 'b' }, 2],
]

describe('a scrape that succeeds', () => {
  test('stores the samples with job and instance, at an offset inside the interval', async () => {
    const { series } = await scrape({ config: config(), target: () => twoSeries })
    const first = series.find(({ labels }) => labels.part === 'a')!
    expect(first.labels).toEqual({ __name__: 'x', job: 'api', instance: 'api:80', part: 'a' })
    expect(Array.from(first.timesMs, (ms) => ms % 15_000)).toEqual([7_500, 7_500, 7_500, 7_500])
  })

  test('adds the series that Prometheus adds', async () => {
    const scraped = await scrape({ config: config(), target: (n) => twoSeries.slice(0, n === 0 ? 1 : 2) })
    expect(valuesOf(scraped, 'up')).toEqual([1, 1, 1, 1])
    expect(valuesOf(scraped, 'scrape_samples_scraped')).toEqual([1, 2, 2, 2])
    expect(valuesOf(scraped, 'scrape_samples_post_metric_relabeling')).toEqual([1, 2, 2, 2])
    expect(valuesOf(scraped, 'scrape_series_added')).toEqual([1, 1, 0, 0])
    expect(valuesOf(scraped, 'scrape_duration_seconds')).toEqual([0.004, 0.004, 0.004, 0.004])
  })

  test('marks stale what it does not show any more, once', async () => {
    const scraped = await scrape({ config: config(), target: (n) => twoSeries.slice(n < 2 ? 0 : 1) })
    expect(valuesOf(scraped, 'x')).toEqual([1, 1, 'stale', 2, 2, 2, 2])
  })
})

describe('a scrape that fails', () => {
  test('makes up 0 and everything of the target stale', async () => {
    const target = (n: number) => (n === 1 ? { error: 'connection refused', afterMs: 1 } : twoSeries)
    const scraped = await scrape({ config: config(), target })
    expect(valuesOf(scraped, 'up')).toEqual([1, 0, 1, 1])
    expect(valuesOf(scraped, 'x')).toEqual([1, 'stale', 1, 1, 2, 'stale', 2, 2])
    expect(valuesOf(scraped, 'scrape_samples_scraped')).toEqual([2, 0, 2, 2])
  })

  test('by its time-out takes as long as the time-out', async () => {
    const scraped = await scrape({ config: config(), target: () => ({ error: 'never', afterMs: 60_000 }), seconds: 20 })
    expect(valuesOf(scraped, 'up')).toEqual([0])
    expect(valuesOf(scraped, 'scrape_duration_seconds')).toEqual([10])
  })

  test.each([
    { limit: 'sample_limit: 1' },
    { limit: 'label_limit: 2' },
    { limit: 'label_name_length_limit: 7' },
    { limit: 'label_value_length_limit: 5' },
  ])('by $limit stores nothing of it', async ({ limit }) => {
    const scraped = await scrape({ config: config(limit), target: () => twoSeries })
    expect(valuesOf(scraped, 'up')).toEqual([0, 0, 0, 0])
    expect(valuesOf(scraped, 'x').filter((value) => value !== 'stale')).toEqual([])
    expect(valuesOf(scraped, 'scrape_samples_scraped')).toEqual([2, 2, 2, 2])
  })

  test('no more once relabelling leaves fewer samples than the limit', async () => {
    const drop = 'metric_relabel_configs: [{ source_labels: [part], regex: b, action: drop }]'
    const scraped = await scrape({ config: config(`sample_limit: 1\n    ${drop}`), target: () => twoSeries })
    expect(valuesOf(scraped, 'up')).toEqual([1, 1, 1, 1])
  })
})

describe('a label that both the target and its exposition have', () => {
  const exposed: readonly Line[] = [['x', { job: 'theirs', zone: 'z' }, 1]]

  test('is that of the target, and the exposed one is kept beside it', async () => {
    const { series } = await scrape({ config: config('', '{ zone: a }'), target: () => exposed, seconds: 20 })
    expect(series.find(({ labels }) => labels.__name__ === 'x')!.labels).toEqual({
      __name__: 'x',
      job: 'api',
      exported_job: 'theirs',
      instance: 'api:80',
      zone: 'a',
      exported_zone: 'z',
    })
  })

  test('is the exposed one with honor_labels', async () => {
    const honor = config('honor_labels: true', '{ zone: a }')
    const { series } = await scrape({ config: honor, target: () => exposed, seconds: 20 })
    expect(series.find(({ labels }) => labels.__name__ === 'x')!.labels).toEqual({
      __name__: 'x',
      job: 'theirs',
      instance: 'api:80',
      zone: 'z',
    })
  })
})

test('what is exposed twice is stored once, and counted', async () => {
  const twice: readonly Line[] = [...twoSeries, ['x', { part: 'a' }, 7]]
  const scraped = await scrape({ config: config(), target: () => twice, seconds: 20 })
  expect(valuesOf(scraped, 'x')).toEqual([1, 2])
  expect(scraped.dropped).toEqual({ 'duplicate series in one scrape': 1 })
})

test('an empty label is no label', async () => {
  const scraped = await scrape({ config: config(), target: () => [['x', { part: '' }, 1]], seconds: 20 })
  expect(labelsOf(scraped, 'x')).toEqual([{}])
})

test.each([
  { majorVersion: 3, le: '1.0' },
  { majorVersion: 2, le: '1' },
] as const)('a bucket bound is written as Prometheus $majorVersion writes it', async ({ majorVersion, le }) => {
  const target = () => [['x_bucket', { le: '1' }, 1] as const]
  const scraped = await scrape({ config: config(), target, majorVersion, seconds: 20 })
  expect(labelsOf(scraped, 'x_bucket')).toEqual([{ le }])
})

test('during a scrape gap nothing is stored, not even that there is nothing', async () => {
  const observe = [{ gap: 'scrape', job: 'api', startMs: 15_000, endMs: 45_000 } as const]
  const scraped = await scrape({ config: config(), target: () => twoSeries, observe })
  expect(valuesOf(scraped, 'up')).toEqual([1, 1])
})

test('each sample is delivered, dropped for a reason, or queued', async () => {
  const drop = 'metric_relabel_configs: [{ source_labels: [part], regex: b, action: drop }]'
  const { accounting } = await scrape({ config: config(drop), target: () => twoSeries })
  const dropped = Object.values(accounting.dropped).reduce((sum, count) => sum + count, 0)
  expect(accounting.generated).toBe(accounting.delivered + dropped + accounting.queued)
  expect(dropped).toBe(4)
})

describe('prometheus.yml', () => {
  test('external labels take variables of the environment', async () => {
    const { config: read } = await configOf("global: { external_labels: { region: '${REGION}', none: '$NOT_SET' } }\n")
    expect(read!.externalLabels).toEqual({ region: 'eu', none: '' })
  })

  test('service discovery is named as not simulated', async () => {
    const text = 'scrape_configs:\n  - job_name: pods\n    kubernetes_sd_configs: [{ role: pod }]\n'
    const { config: read } = await configOf(text)
    expect(read!.notes).toEqual(['job pods: kubernetes_sd_configs are not simulated, only static targets are'])
  })

  test.each([
    {
      what: 'an unknown key',
      text: 'scrape_configs:\n  - { job_name: a, scrape_intervall: 5s }\n',
      said: /3?:.*scrape_intervall.*scrape_interval/,
    },
    {
      what: 'two jobs of one name',
      text: 'scrape_configs: [{ job_name: a }, { job_name: a }]\n',
      said: /found multiple scrape configs with job name "a"/,
    },
    {
      what: 'a time-out above the interval',
      text: 'scrape_configs: [{ job_name: a, scrape_interval: 5s, scrape_timeout: 6s }]\n',
      said: /scrape timeout greater than scrape interval/,
    },
    {
      what: 'a target with a scheme',
      text: 'scrape_configs: [{ job_name: a, static_configs: [{ targets: ["http://x:1"] }] }]\n',
      said: /"http:\/\/x:1" is not a valid hostname/,
    },
    {
      what: 'an unknown action',
      text: 'scrape_configs: [{ job_name: a, relabel_configs: [{ action: repalce }] }]\n',
      said: /unknown relabel action "repalce"/,
    },
    {
      what: 'a duration without a unit',
      text: 'global: { scrape_interval: 15 }\n',
      said: /not a valid duration string/,
    },
  ])('$what is refused with its place', async ({ text, said }) => {
    const { problems } = await configOf(text)
    expect(problems).toEqual([expect.stringMatching(said)])
    expect(problems[0]).toMatch(/^prometheus\.yml:\d+:\d+ /)
  })
})
