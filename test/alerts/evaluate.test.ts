/** Evaluation over a drill: every offset, rules that feed rules, evaluations that fail. */
import { describe, expect, test } from 'vitest'
import { createAlertEvaluation, type RuleEvaluation } from '../../simulator/alerts/evaluate.ts'
import { loadRules } from '../../simulator/alerts/load-rules.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import { testEngine } from '../drill/run-scenario.ts'

const startMs = Date.parse('2026-01-05T09:00:00Z')
const latticeMs = 5_000

/** A series scraped every 15 s, 2.5 s beside the lattice. */
function series(name: string, valueAt: (s: number) => number, labels: Record<string, string> = {}): SeriesSamples {
  const timesMs = Array.from({ length: 80 }, (_, i) => startMs + 2_500 + i * 15_000)
  const values = timesMs.map((timeMs) => valueAt((timeMs - startMs) / 1000))
  return { labels: { __name__: name, ...labels }, timesMs, values, stale: [] }
}

async function evaluate(
  rules: string,
  batch: readonly SeriesSamples[],
  { windowsMs = [1_200_000] }: { windowsMs?: readonly number[] } = {},
): Promise<readonly RuleEvaluation[]> {
  const engine = await testEngine()
  const judge = createEmbeddedJudge(engine)
  const { groups, problems } = loadRules([{ path: 'rules.yml', text: rules }], engine, 60_000)
  expect(problems).toEqual([])
  const options = { judge, groups, startMs, latticeMs, externalLabels: {}, externalUrl: '' }
  const evaluation = await createAlertEvaluation(options)
  await judge.append(batch)
  await evaluation.append(batch)
  for (const toMs of windowsMs) await evaluation.advance(toMs)
  const results = evaluation.results()
  await evaluation.close()
  await judge.close()
  return results
}

const high = `
groups:
  - name: g
    interval: 30s
    rules:
      - { alert: High, expr: x > 5, for: 1m }
`
const rises = series('x', (s) => (s > 300 && s < 600 ? 9 : 1))

test('every offset of the group is tried, and each fires on its own grid', async () => {
  const [result] = await evaluate(high, [rises])
  expect(result!.offsets.map(({ offsetMs }) => offsetMs)).toEqual([0, 5_000, 10_000, 15_000, 20_000, 25_000])
  for (const { offsetMs, episodes } of result!.offsets) {
    expect(episodes).toHaveLength(1)
    const { pendingAtMs, firingAtMs, resolvedAtMs } = episodes[0]!
    expect((pendingAtMs - offsetMs) % 30_000).toBe(0)
    expect(firingAtMs! - pendingAtMs).toBe(60_000)
    // The first sample above the threshold is that of 302.5 s; the first below it again that of 602.5 s.
    expect(pendingAtMs).toBeGreaterThan(302_500)
    expect(pendingAtMs).toBeLessThan(302_500 + 30_000)
    expect(resolvedAtMs).toBeGreaterThan(602_500)
    expect(resolvedAtMs).toBeLessThan(602_500 + 30_000)
  }
})

test('advancing in many windows gives the same as advancing in one', async () => {
  const windowsMs = [5_000, 100_000, 330_000, 335_000, 800_000, 1_200_000]
  expect(await evaluate(high, [rises], { windowsMs })).toEqual(await evaluate(high, [rises]))
})

describe('rules that feed rules', () => {
  const recorded = `
groups:
  - name: recording
    interval: 15s
    rules:
      - { record: job:x:sum, expr: sum by (job) (x), labels: { from: recording } }
  - name: alerting
    interval: 30s
    rules:
      - { alert: SumHigh, expr: 'job:x:sum{from="recording"} > 10', for: 1m }
`
  const twice = [
    series('x', (s) => (s > 300 && s < 600 ? 6 : 1), { job: 'a', instance: '1' }),
    series('x', () => 5, { job: 'a', instance: '2' }),
  ]

  test('an alert on a recorded series fires', async () => {
    const results = await evaluate(recorded, twice, { windowsMs: [400_000, 1_200_000] })
    const alert = results.find(({ rule }) => rule.name === 'SumHigh')!
    expect(alert.notJudged).toBeUndefined()
    expect(alert.offsets.length).toBeGreaterThan(2)
    for (const { episodes } of alert.offsets) {
      expect(episodes).toHaveLength(1)
      expect(episodes[0]!.labels).toEqual({ alertname: 'SumHigh', from: 'recording', job: 'a' })
      expect(episodes[0]!.firingAtMs).toBeGreaterThan(360_000)
      expect(episodes[0]!.firingAtMs).toBeLessThan(420_000)
      expect(episodes[0]!.resolvedAtMs).toBeLessThan(660_000)
    }
  })

  test('an alert on ALERTS sees another one fire, and end', async () => {
    const results = await evaluate(
      `${high}
  - name: meta
    interval: 30s
    rules:
      - { alert: Meta, expr: 'ALERTS{alertname="High", alertstate="firing"}' }
`,
      [rises],
    )
    const meta = results.find(({ rule }) => rule.name === 'Meta')!
    for (const { episodes } of meta.offsets) {
      expect(episodes).toHaveLength(1)
      expect(episodes[0]!.firingAtMs).toBeGreaterThanOrEqual(360_000)
      expect(episodes[0]!.resolvedAtMs).toBeLessThan(690_000)
    }
  })

  test('a rule that reads itself goes instant by instant: it holds itself up', async () => {
    const results = await evaluate(
      `
groups:
  - name: g
    interval: 30s
    rules:
      - { alert: Latched, expr: 'x > 5 or ALERTS{alertname="Latched"}', labels: { instance: one } }
`,
      [series('x', (s) => (s > 300 && s < 600 ? 9 : 1), { alertname: 'Latched', instance: 'one' })],
    )
    expect(results[0]!.notJudged).toBeUndefined()
    for (const { episodes } of results[0]!.offsets) {
      expect(episodes[0]!.firingAtMs).toBeGreaterThan(302_500)
      expect(episodes.some(({ resolvedAtMs }) => resolvedAtMs === undefined)).toBe(true)
    }
  })

  test('a rule sees of one below it in its group what that gave the time before', async () => {
    const results = await evaluate(
      `
groups:
  - name: g
    interval: 30s
    rules:
      - { alert: Early, expr: 'y > 5' }
      - { record: y, expr: x }
`,
      [rises],
    )
    for (const { offsetMs, episodes } of results[0]!.offsets) {
      const firstAbove = offsetMs + Math.ceil((302_500 - offsetMs) / 30_000) * 30_000
      expect(episodes.map(({ firingAtMs }) => firingAtMs)).toEqual([firstAbove + 30_000])
    }
  })

  test('a selector without a metric name reads the recorded series that it lets through', async () => {
    const results = await evaluate(
      `
groups:
  - name: g
    interval: 30s
    rules:
      - { record: 'job:x', expr: x }
      - { alert: ByPattern, expr: '{__name__=~"job:.+"} > 5' }
`,
      [rises],
    )
    expect(results[0]!.offsets[0]!.episodes).toHaveLength(1)
  })

  test('what a recording rule gives past its limit is not written, nor marked stale', async () => {
    const results = await evaluate(
      `
groups:
  - name: g
    interval: 30s
    limit: 1
    rules:
      - { record: y, expr: x }
      - { alert: Stays, expr: 'y > 5' }
`,
      [
        rises,
        // From 400 s on there are two series: too many. The last result is seen for five minutes more.
        {
          labels: { __name__: 'x', second: 'yes' },
          timesMs: [startMs + 402_500],
          values: [1],
          stale: [],
        },
      ],
    )
    const [episode] = results[0]!.offsets[0]!.episodes
    expect(episode!.firingAtMs).toBeLessThan(400_000)
    expect(episode!.resolvedAtMs).toBeGreaterThan(680_000)
  })
})

describe('the time that an expression looks at', () => {
  const alert = (expression: string, ofGroup = '') => `
groups:
  - name: g
    interval: 30s
    ${ofGroup}
    rules:
      - { alert: A, expr: '${expression}' }
`
  const firstFiring = (results: readonly RuleEvaluation[]) => results[0]!.offsets[0]!.episodes[0]!.firingAtMs

  test('query_offset: the same, so much later', async () => {
    expect(firstFiring(await evaluate(alert('x > 5', 'query_offset: 1m'), [rises]))).toBe(390_000)
    expect(firstFiring(await evaluate(alert('x > 5'), [rises]))).toBe(330_000)
  })

  test('@ end() is the time of the evaluation, not the end of a window', async () => {
    expect(firstFiring(await evaluate(alert('x @ end() > 5'), [rises]))).toBe(330_000)
  })

  test.each(['x offset -5m > 5', 'x @ 1767603600 > 5', 'max_over_time(x[5m:1m] offset -1m) > 5'])(
    'a rule that looks elsewhere is not judged: %s',
    async (expression) => {
      const [result] = await evaluate(alert(expression), [rises])
      expect(result!.notJudged).toContain('another time')
    },
  )

  test('a rule that reads one that is not judged is not judged', async () => {
    const results = await evaluate(
      `
groups:
  - name: g
    rules:
      - { record: y, expr: 'x offset -5m' }
      - { alert: OnY, expr: 'last_over_time(y[1m]) > 5' }
`,
      [rises],
    )
    expect(results[0]!.notJudged).toContain('it reads y, which is not')
  })
})

test('an evaluation that fails leaves the alert as it was, and is counted', async () => {
  const twoSided = [
    rises,
    // From 400 s to 500 s there are two of them on the one side of the match: many-to-many.
    series('y', () => 1, { side: '1' }),
    {
      labels: { __name__: 'y', side: '2' },
      timesMs: [startMs + 402_500, startMs + 502_500],
      values: [1, Number.NaN],
      stale: [1],
    },
  ]
  const [result] = await evaluate(
    `
groups:
  - name: g
    interval: 30s
    rules:
      - { alert: Matched, expr: 'x * on () y > 5' }
`,
    twoSided,
  )
  expect(result!.failures.length).toBeGreaterThan(0)
  expect(result!.failures[0]!.message).toContain('many-to-many')
  for (const { episodes } of result!.offsets) {
    expect(episodes).toHaveLength(1)
    expect(episodes[0]!.resolvedAtMs).toBeGreaterThan(600_000)
  }
})
