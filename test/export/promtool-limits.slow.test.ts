/** What promtool can't hold is left out of an exported test, and nothing else. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadRules, type RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { gridProblem } from '../../simulator/export/export-drill.ts'
import { fitIntoPromtool, type HeldGroup } from '../../simulator/export/promtool-limits.ts'
import { exportGroup, type GridSeries } from '../../simulator/export/promtool-test.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { testEngine } from '../drill/run-scenario.ts'

const folder = mkdtempSync(join(tmpdir(), 'firedrill-promtool-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'rules.yml')
const halfMs = 7_500
const lengthMs = 2 * 3_600_000
const promtool = findBinary('promtool', process.env)?.path

const jobFailed = 'max by (tenant) (max_over_time((failures_total > 0 unless failures_total offset 1m)[1h:15s]))'
const queueLong = "{ alert: QueueLong, expr: 'queue_length > 100' }"
const usual = [`{ alert: JobFailed, expr: '${jobFailed} > 0' }`, queueLong]

async function groupOf(ownRules = usual, interval = '1m'): Promise<RuleGroup> {
  const list = ownRules.map((rule) => `      - ${rule}\n`).join('')
  const rules = `groups:\n  - name: jobs\n    interval: ${interval}\n    rules:\n${list}`
  writeFileSync(file, rules)
  const { groups, problems } = loadRules([{ path: file, text: rules }], await testEngine(), 60_000)
  expect(problems).toEqual([])
  return groups[0]!
}

/** Two hours of samples each 15 seconds. */
function series(name: string, tenant: number, valueAt: (point: number) => number | undefined): GridSeries {
  const values = Array.from({ length: lengthMs / halfMs }, (_, i) => (i % 2 === 1 ? valueAt(i) : undefined))
  return { labels: { __name__: name, tenant: `t${tenant}` }, values }
}

const queue = series('queue_length', 1, (point) => (point > 400 ? 200 : 0))
/** Forty counters are more than promtool holds for an hour at steps of 15 seconds. */
const failures = (valueAt: (point: number) => number | undefined, tenants = 40) =>
  Array.from({ length: tenants }, (_, tenant) => series('failures_total', tenant, valueAt))

async function fitted(all: readonly GridSeries[], group?: RuleGroup): Promise<HeldGroup> {
  const engine = await testEngine()
  const own = group ?? (await groupOf())
  return fitIntoPromtool(own, [own], all, { engine, lengthMs, halfMs, externalLabels: {}, externalUrl: '' })
}

const names = (series: readonly GridSeries[]) => [...new Set(series.map(({ labels }) => labels.__name__))]
const alerts = ({ leftOut }: HeldGroup) => leftOut.map(({ alert }) => alert)

async function promtoolSays(
  { series, leftOut }: Pick<HeldGroup, 'series' | 'leftOut'>,
  given?: RuleGroup,
): Promise<string> {
  const group = given ?? (await groupOf())
  const judge = createEmbeddedJudge(await testEngine(), { evaluationIntervalMs: group.intervalMs })
  const { text } = await exportGroup(group, {
    drill: { name: 'jobs', title: 'Jobs', seed: 1, lengthMs },
    series,
    halfMs,
    leftOut,
    stillCounters: 0,
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
  expect(await fitted(all)).toEqual({ series: all, leftOut: [], stillCounters: 0, why: undefined })
})

test('counters that never rise are left out first and counted, and the alert about them stays', async () => {
  const rising = series('failures_total', 99, (point) => (point > 300 ? 1 : 0))
  const { series: kept, leftOut, stillCounters } = await fitted([...failures(() => 0), rising, queue])
  expect(kept).toEqual([rising, queue])
  expect(leftOut).toEqual([])
  expect(stillCounters).toBe(40)
})

test('an alert that looks for counters that stand still is left out rather than judged without them', async () => {
  const group = await groupOf([
    "{ alert: NoFailures, expr: 'max_over_time((failures_total == 0)[1h:15s]) == 0' }",
    queueLong,
  ])
  const held = await fitted([...failures(() => 0), queue], group)
  expect(held).toEqual({
    series: [queue],
    leftOut: [{ alert: 'NoFailures', why: expect.stringContaining('without counters that stand still') }],
    stillCounters: 0,
    why: undefined,
  })
})

test('what another rule of the group reads stays, by name or by a pattern', async () => {
  for (const selector of ['failures_total', '{__name__=~"failures.*"}']) {
    const group = await groupOf([...usual, `{ alert: FailuresGone, expr: 'absent(${selector})' }`])
    const still = series('failures_total', 99, () => 0)
    const held = await fitted([still, ...failures((point) => point), queue], group)
    expect(held.series.filter(({ labels }) => labels.__name__ === 'failures_total')).toHaveLength(41)
    // The heavy rule would find them, and promtool evaluates it all the same.
    expect(held.why).toMatch(/^JobFailed: it holds about/)
  }
})

test('an alert that reads what a heavy rule records is left out with it', async () => {
  const group = await groupOf([
    `{ record: 'tenant:failed', expr: '${jobFailed}' }`,
    "{ alert: Failed, expr: 'max_over_time(tenant:failed[5m]) > 0' }",
    queueLong,
  ])
  const held = await fitted([...failures((point) => point), queue], group)
  expect(held.leftOut).toEqual([
    { alert: 'Failed', why: expect.stringMatching(/^it reads tenant:failed, .* it holds/) },
  ])
  expect(names(held.series)).toEqual(['queue_length'])
})

test('a group of which no alert is left is left out', async () => {
  const group = await groupOf(usual.slice(0, 1))
  const { why } = await fitted(
    failures((point) => point),
    group,
  )
  expect(why).toMatch(/^JobFailed: it holds about/)
})

test('lengths and steps of subqueries count however they are written, and so does where they lie', async () => {
  const heavy = async (range: string) =>
    alerts(
      await fitted(
        [...failures((point) => (point < 480 ? point : undefined)), queue],
        await groupOf([`{ alert: Often, expr: 'count_over_time(failures_total[${range}) > 0' }`, queueLong]),
      ),
    )
  expect(await heavy('3600:15]')).toEqual(['Often'])
  expect(await heavy('1y:15s]')).toEqual(['Often'])
  // Samples end after an hour: the last hour holds too much only as of then.
  expect(await heavy('1h:15s] offset 1h')).toEqual(['Often'])
  expect(await heavy('1h:15s] offset 2h')).toEqual([])
})

test('a query that the judge itself can not hold is too much', async () => {
  const group = await groupOf(["{ alert: Often, expr: 'count_over_time(queue_length[2h:1ms]) > 0' }", queueLong])
  const many = Array.from({ length: 20 }, (_, tenant) => series('queue_length', tenant, () => 1))
  const { why } = await fitted(many, group)
  expect(why).toMatch(/^Often: it holds more in a query than the judge itself can/)
})

test.skipIf(!promtool)('promtool takes the interval of the group for a subquery without a step', async () => {
  const group = await groupOf(
    ["{ alert: QueueStays, expr: 'count_over_time((queue_length > 100)[10m:]) > 20' }"],
    '15s',
  )
  const answer = await promtoolSays({ series: [queue], leftOut: [] }, group)
  expect(readFileSync(join(folder, 'jobs.test.yml'), 'utf8')).toContain('exp_labels')
  expect(answer).toContain('SUCCESS')
})

test('a grid whose middles meet evaluations is refused, with one that works', () => {
  expect(gridProblem(15_000, 5_000)).toBeUndefined()
  expect(gridProblem(5_000, 5_000)).toBeUndefined()
  for (const [gridMs, works] of [
    [20_000, '15s'],
    [12_000, '5s'],
    [60_000, '55s'],
  ] as const) {
    expect(gridProblem(gridMs, 5_000)).toContain(`${works} works`)
  }
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
