/** Every relabelling action, as Prometheus documents it, on targets and on samples. */
import { describe, expect, test } from 'vitest'
import { configOf, labelsOf, scrape } from './scrape-with.ts'

const exposed = [
  ['requests', { method: 'GET', path: '/items', tmp_zone: 'A' }, 1],
  ['requests', { method: 'POST', path: '/items', tmp_zone: 'b' }, 2],
] as const

function configWith(step: string, where: 'metric_relabel_configs' | 'relabel_configs' = 'metric_relabel_configs') {
  return `scrape_configs:
  - job_name: api
    scrape_interval: 15s
    static_configs: [{ targets: ['api-1:80', 'api-2:80'], labels: { zone: a } }]
    ${where}:
      - ${step}
`
}

async function storedWith(step: string) {
  const scraped = await scrape({
    config: configWith(step).replace(", 'api-2:80'", ''),
    target: () => exposed,
    seconds: 20,
  })
  return { labels: labelsOf(scraped, 'requests').map(({ zone: _, ...rest }) => rest), scraped }
}

describe('metric_relabel_configs', () => {
  const both = [
    { method: 'GET', path: '/items', tmp_zone: 'A' },
    { method: 'POST', path: '/items', tmp_zone: 'b' },
  ]
  test.each([
    {
      action: 'replace writes what the expression found',
      step: "{ source_labels: [method, path], separator: ' ', regex: '(\\w+) /(.*)', target_label: call, replacement: '$2-$1' }",
      labels: [
        { ...both[0], call: 'items-GET' },
        { ...both[1], call: 'items-POST' },
      ],
    },
    {
      action: 'replace with an empty text removes the label',
      step: "{ source_labels: [path], target_label: path, replacement: '' }",
      labels: both.map(({ path: _, ...rest }) => rest),
    },
    {
      action: 'replace leaves alone what its whole expression does not match',
      step: '{ source_labels: [path], regex: /item, target_label: path, replacement: x }',
      labels: both,
    },
    { action: 'keep', step: '{ source_labels: [method], regex: GET, action: keep }', labels: [both[0]] },
    { action: 'drop', step: '{ source_labels: [method], regex: G.., action: drop }', labels: [both[1]] },
    { action: 'keepequal', step: '{ source_labels: [method], target_label: tmp_zone, action: keepequal }', labels: [] },
    {
      action: 'dropequal',
      step: '{ source_labels: [method], target_label: tmp_zone, action: dropequal }',
      labels: both,
    },
    {
      action: 'labelmap',
      step: "{ regex: 'tmp_(.+)', replacement: 'of_$1', action: labelmap }",
      labels: [
        { ...both[0], of_zone: 'A' },
        { ...both[1], of_zone: 'b' },
      ],
    },
    {
      action: 'labeldrop',
      step: '{ regex: tmp_.*, action: labeldrop }',
      labels: both.map(({ tmp_zone: _, ...rest }) => rest),
    },
    {
      action: 'labelkeep',
      step: '{ regex: __name__|job|instance|method, action: labelkeep }',
      labels: [{ method: 'GET' }, { method: 'POST' }],
    },
    {
      action: 'lowercase',
      step: '{ source_labels: [tmp_zone], target_label: tmp_zone, action: lowercase }',
      labels: [{ ...both[0], tmp_zone: 'a' }, both[1]],
    },
    {
      action: 'uppercase',
      step: '{ source_labels: [tmp_zone], target_label: tmp_zone, action: uppercase }',
      labels: [both[0], { ...both[1], tmp_zone: 'B' }],
    },
    {
      // md5("/items") as Prometheus takes it: the last 8 bytes, modulo.
      action: 'hashmod',
      step: '{ source_labels: [path], modulus: 16, target_label: shard, action: hashmod }',
      labels: both.map((labels) => ({ ...labels, shard: '9' })),
    },
  ])('$action', async ({ step, labels }) => {
    expect((await storedWith(step)).labels).toEqual(labels)
  })

  test('expressions are RE2: what JavaScript alone knows is refused with its place', async () => {
    const { problems } = await configOf(configWith("{ source_labels: [method], regex: '(?=GET).*', action: keep }"))
    expect(problems).toEqual([expect.stringMatching(/^prometheus\.yml:6:9 .*invalid or unsupported Perl syntax/)])
  })

  test('a series that is dropped is counted, and the report knows where', async () => {
    const { scraped } = await storedWith('{ source_labels: [__name__], regex: requests, action: drop }')
    expect(scraped.dropped).toEqual({ metric_relabel_configs: 2 })
    expect(scraped.explain('requests')).toBe('requests is exposed by job api, but dropped by prometheus.yml:6')
  })

  test('a metric that is renamed is stored under its new name', async () => {
    const { scraped } = await storedWith('{ source_labels: [__name__], target_label: __name__, replacement: calls }')
    expect(labelsOf(scraped, 'calls')).toHaveLength(2)
    expect(scraped.explain('requests')).toBe('requests is renamed to calls by metric_relabel_configs')
  })
})

describe('relabel_configs', () => {
  test.each([
    {
      step: "{ source_labels: [__address__], regex: '(.*):.*', target_label: instance }",
      instances: ['api-1', 'api-2'],
    },
    { step: "{ source_labels: [__address__], regex: 'api-1:.*', action: drop }", instances: ['api-2:80'] },
    { step: "{ source_labels: [__address__], regex: 'api-1:.*', action: keep }", instances: ['api-1:80'] },
    { step: '{ target_label: __address__, replacement: proxy:9000 }', instances: ['proxy:9000', 'proxy:9000'] },
  ])('$step', async ({ step, instances }) => {
    const { config } = await configOf(configWith(step, 'relabel_configs'))
    expect(config!.jobs[0]!.targets.map(({ labels }) => labels.instance)).toEqual(instances)
  })

  test.each([
    { label: '__metrics_path__', replacement: '/stats', target: { path: '/stats' } },
    { label: '__scrape_interval__', replacement: '30s', target: { intervalMs: 30_000 } },
    { label: '__scrape_timeout__', replacement: '3s', target: { timeoutMs: 3_000 } },
  ])('$label decides how the target is scraped', async ({ label, replacement, target }) => {
    const { config } = await configOf(
      configWith(`{ target_label: ${label}, replacement: ${replacement} }`, 'relabel_configs'),
    )
    expect(config!.jobs[0]!.targets[0]).toMatchObject(target)
  })

  test('labels that begin with two underscores are gone afterwards', async () => {
    const step = '{ source_labels: [__address__], target_label: __meta_x }'
    const { config } = await configOf(configWith(step, 'relabel_configs'))
    expect(config!.jobs[0]!.targets[0]!.labels).toEqual({ job: 'api', instance: 'api-1:80', zone: 'a' })
  })

  test('a target that is dropped is mentioned', async () => {
    const step = "{ source_labels: [__address__], regex: 'api-1:.*', action: drop }"
    const { config } = await configOf(configWith(step, 'relabel_configs'))
    expect(config!.notes).toEqual(['job api: relabel_configs drop the target api-1:80'])
  })
})
