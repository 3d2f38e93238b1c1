/** The shipped prometheus.yml: targets, intervals, and the instance that each target gets. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readText } from './rule-files.ts'

interface ScrapeConfig {
  readonly job_name: string
  readonly scrape_interval?: string
  readonly scrape_timeout?: string
  readonly static_configs: readonly { readonly targets: readonly string[] }[]
  readonly relabel_configs: readonly {
    readonly source_labels?: readonly string[]
    readonly regex?: string
    readonly target_label: string
    readonly replacement: string
  }[]
}

const config = parse(readText('observability/prometheus/prometheus.yml'))
const jobs = config.scrape_configs as readonly ScrapeConfig[]

test('every target of the platform is scraped under its job and gets the name of its service as instance', () => {
  const targets = jobs.map((job) => [job.job_name, addressOf(job), instanceOf(job, addressOf(job))])
  expect(targets).toEqual([
    ['backend-api', 'backend-api:8000', 'backend-api'],
    ['ml-engine', 'ml-engine:8001', 'ml-engine'],
    ['data-pipeline', 'data-pipeline:8002', 'data-pipeline'],
    ['postgres', 'postgres-exporter:9187', 'postgres'],
    ['redis', 'redis-exporter:9121', 'redis'],
    ['loki', 'loki:3100', 'loki'],
    ['jaeger', 'jaeger:8888', 'jaeger'],
    ['node-exporter', 'node-exporter:9100', 'node-exporter'],
    ['cadvisor', 'cadvisor:8080', 'cadvisor'],
    ['prometheus', 'localhost:9090', 'prometheus'],
  ])
})

test('a replica with a host name of its own gets an instance of its own', () => {
  const job = jobs.find((job) => job.job_name === 'backend-api')!
  expect(instanceOf(job, 'backend-api-2:8000')).toBe('backend-api-2')
})

test('targets are scraped every 15 s, the backend API every 10 s, and no time-out is longer than its interval', () => {
  expect(config.global.scrape_interval).toBe('15s')
  expect(config.global.evaluation_interval).toBe('15s')
  for (const job of jobs) {
    const interval = seconds(job.scrape_interval ?? config.global.scrape_interval)
    expect(interval, job.job_name).toBe(job.job_name === 'backend-api' ? 10 : 15)
    expect(seconds(job.scrape_timeout ?? config.global.scrape_timeout), job.job_name).toBeLessThanOrEqual(interval)
  }
})

test('external labels name the monitor, and the environment that the environment gives', () => {
  expect(config.global.external_labels).toEqual({
    monitor: 'embedding-recommender-saas',
    environment: ['$', '{ENVIRONMENT}'].join(''),
  })
  expect(config.rule_files).toEqual(['/etc/prometheus/rules/*.yml'])
})

function addressOf(job: ScrapeConfig): string {
  const targets = job.static_configs.flatMap((group) => group.targets)
  expect(targets).toHaveLength(1)
  return targets[0]!
}

/** Applies the replacements as Prometheus does: the expression is anchored at both ends. */
function instanceOf(job: ScrapeConfig, address: string): string {
  const labels: Record<string, string> = { __address__: address, instance: address }
  for (const { source_labels = [], regex = '(.*)', target_label, replacement } of job.relabel_configs) {
    const source = source_labels.map((label) => labels[label] ?? '').join(';')
    const anchored = new RegExp(`^(?:${regex})$`)
    if (anchored.test(source)) labels[target_label] = source.replace(anchored, replacement)
  }
  return labels.instance!
}

function seconds(duration: string): number {
  const match = /^(\d+)s$/.exec(duration)
  if (match === null) throw new Error(`not in whole seconds: ${duration}`)
  return Number(match[1])
}
