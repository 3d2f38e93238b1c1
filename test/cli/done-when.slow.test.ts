/** What the product promises: who breaks a rule or hides a metric is told, by name, with a reason and an exit code. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from './built-command.ts'
import { firedrill } from './run-command.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-broken-'))
  await builtCommand()
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A copy of the shipped dashboards, with a change in one of them. @returns its folder */
function dashboardsWith(name: string, file: string, change: (text: string) => string): string {
  const copy = join(folder, name, 'dashboards')
  cpSync(join(packageRoot(), 'observability', 'grafana', 'dashboards'), copy, { recursive: true })
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  if (after === before) throw new Error('the change does not change the file')
  writeFileSync(path, after)
  return copy
}

/** A copy of what is shipped, with a change in one file. @returns its prometheus.yml */
function shippedWith(
  name: string,
  file: 'alert-rules.yml' | 'prometheus.yml',
  change: (text: string) => string,
): string {
  const copy = join(folder, name)
  cpSync(join(packageRoot(), 'observability', 'prometheus'), copy, { recursive: true })
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  if (after === before) throw new Error('the change does not change the file')
  writeFileSync(path, after)
  return join(copy, 'prometheus.yml')
}

describe('firedrill run, after', () => {
  test.each([
    {
      name: 'for-deleted',
      what: '`for: 10m` is deleted from a rule',
      file: 'alert-rules.yml',
      change: (text: string) => text.replace(/(alert: HighLatencyP95[\s\S]*?)\n\s+for: 10m/, '$1'),
      drill: 'high-latency-p95/too-short',
      line: /✗ HighLatencyP95 +fires \d+:\d+ to \d+:\d+, expected pending-only/,
      code: 1,
    },
    {
      name: 'threshold-raised',
      what: '`> 0.05` becomes `> 0.5`',
      file: 'alert-rules.yml',
      change: (text: string) => text.replace('> 0.05\n', '> 0.5\n'),
      drill: 'high-error-rate',
      line: /✗ HighErrorRate +never fires: the condition was never true; expected \d+:\d+ to \d+:\d+/,
      code: 1,
    },
    {
      name: 'metric-dropped',
      what: 'prometheus.yml drops a metric',
      file: 'prometheus.yml',
      change: (text: string) =>
        text.replace(
          '  - job_name: backend-api\n',
          '  - job_name: backend-api\n    metric_relabel_configs: [{ source_labels: [__name__], regex: http_requests_total, action: drop }]\n',
        ),
      drill: 'high-error-rate',
      line: /✗ HighErrorRate +can never fire: http_requests_total is exposed by job backend-api, but dropped by \S+prometheus\.yml:\d+/,
      code: 5,
    },
  ] as const)('$what, names the rule and says why', async ({ name, file, change, drill, line, code }) => {
    const config = shippedWith(name, file, change)
    const ended = await firedrill(['run', drill, '--no-twins', '--prometheus-config', config])
    expect(ended.stdout).toMatch(line)
    expect(ended.code).toBe(code)
    expect(ended.left).toEqual([])
  })
})

describe('firedrill run with dashboards', () => {
  test('holds with the shipped ones', async () => {
    const ended = await firedrill(['run', 'search-starved', '--no-twins'])
    expect(ended.stdout).toMatch(/✓ panel ml-engine \/ FAISS search latency p50, p95 moves up during neighbour/)
    expect(ended.code).toBe(0)
  })

  test('in one of which a metric is renamed, names dashboard, panel and query', async () => {
    const dashboards = dashboardsWith('renamed', 'system-health.json', (text) =>
      text.replaceAll('kafka_consumer_lag', 'kafka_consumer_lags'),
    )
    const ended = await firedrill(['run', 'search-starved', '--no-twins', '--dashboards', dashboards])
    expect(ended.stdout).toMatch(
      /✗ panel system-health \/ Kafka consumer lag query A: can never show data: no target exposes kafka_consumer_lags; the nearest is kafka_consumer_lag: /,
    )
    expect(ended.code).toBe(5)
    expect(ended.left).toEqual([])
  })
})
