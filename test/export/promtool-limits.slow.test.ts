/** What promtool can't hold is left out of an exported test, and nothing else. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadRules, type RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { fitIntoPromtool, type HeldGroup } from '../../simulator/export/promtool-limits.ts'
import { exportGroup, type GridSeries, toSamples } from '../../simulator/export/promtool-test.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { testEngine } from '../drill/run-scenario.ts'

const folder = mkdtempSync(join(tmpdir(), 'firedrill-promtool-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'rules.yml')
const halfMs = 7_500
const lengthMs = 2 * 3_600_000
const promtool = findBinary('promtool', process.env)?.path

const rules = `groups:
  - name: jobs
    interval: 1m
    rules:
      - { alert: JobFailed, expr: 'max by (tenant) (max_over_time((failures_total > 0 unless failures_total offset 1m)[1h:15s])) > 0' }
      - { alert: QueueLong, expr: 'queue_length > 100' }
`

async function groupOf(): Promise<RuleGroup> {
  writeFileSync(file, rules)
  const { groups, problems } = loadRules([{ path: file, text: rules }], await testEngine(), 60_000)
  expect(problems).toEqual([])
  return groups[0]!
}

/** Two hours of samples each 15 seconds. */
function series(name: string, tenant: number, valueAt: (point: number) => number): GridSeries {
  const values = Array.from({ length: lengthMs / halfMs }, (_, i) => (i % 2 === 1 ? valueAt(i) : undefined))
  return { labels: { __name__: name, tenant: `t${tenant}` }, values }
}

const queue = series('queue_length', 1, (point) => (point > 400 ? 200 : 0))
/** Forty counters are more than promtool holds for an hour at steps of 15 seconds. */
const failures = (valueAt: (point: number) => number, tenants = 40) =>
  Array.from({ length: tenants }, (_, tenant) => series('failures_total', tenant, valueAt))

async function fitted(all: readonly GridSeries[]): Promise<HeldGroup> {
  const engine = await testEngine()
  const group = await groupOf()
  return fitIntoPromtool(group, [group], all, lengthMs, async (samples, ask) => {
    const judge = createEmbeddedJudge(engine)
    await judge.append(toSamples(samples, halfMs))
    return ask(judge).finally(() => judge.close())
  })
}

async function promtoolSays({ series, leftOut }: Pick<HeldGroup, 'series' | 'leftOut'>): Promise<string> {
  const judge = createEmbeddedJudge(await testEngine())
  const { text } = await exportGroup(await groupOf(), {
    drill: { name: 'jobs', title: 'Jobs', seed: 1, lengthMs },
    series,
    halfMs,
    leftOut,
    judge,
    externalLabels: {},
    externalUrl: 'http://localhost',
    ruleFileOf: () => 'rules.yml',
    version: 'test',
  })
  await judge.close()
  writeFileSync(join(folder, 'jobs.test.yml'), text)
  try {
    return execFileSync(promtool!, ['test', 'rules', join(folder, 'jobs.test.yml')], { encoding: 'utf8' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
}

test('what promtool can hold is exported whole', async () => {
  const all = [...failures((point) => point, 3), queue]
  expect(await fitted(all)).toEqual({ series: all, leftOut: [], why: undefined })
})

test('counters that never rise are left out first, and the alert about them stays', async () => {
  const rising = series('failures_total', 99, (point) => (point > 300 ? 1 : 0))
  const { series: kept, leftOut } = await fitted([...failures(() => 0), rising, queue])
  expect(kept).toEqual([rising, queue])
  expect(leftOut).toEqual([])
})

test('an alert that holds too much all the same is left out with its series and the reason', async () => {
  const { series: kept, leftOut, why } = await fitted([...failures((point) => point), queue])
  expect(kept).toEqual([queue])
  expect(leftOut).toEqual([
    {
      alert: 'JobFailed',
      why: expect.stringMatching(/^it holds about \d+,000 samples in a query, promtool at most 10,000$/),
    },
  ])
  expect(why).toBeUndefined()
})

test.skipIf(!promtool)('promtool refuses the whole, and passes what is left', { timeout: 60_000 }, async () => {
  const all = [...failures((point) => point), queue]
  expect(await promtoolSays({ series: all, leftOut: [] })).toContain('would load too many samples into memory')
  expect(await promtoolSays(await fitted(all))).toContain('SUCCESS')
})
