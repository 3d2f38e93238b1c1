/**
 * The engine computes each step of a subquery once per store. What it answers must be what it would have answered without:
 * a subquery that is pinned to a time with `@` is evaluated as it stands, so each expression is asked both ways.
 */
import { describe, expect, test } from 'vitest'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { Judge, SeriesSamples } from '../../simulator/judge/judge.ts'
import { testEngine } from '../drill/run-scenario.ts'

const engine = await testEngine()
const startMs = Date.parse('2026-01-05T09:00:00Z')
const scrapeMs = 15_000
const lengthMs = 40 * 60_000

/** Each expression, with the place where a time may be pinned. */
const expressions: readonly (readonly [what: string, text: (at: string) => string])[] = [
  ['a maximum of rates', (at) => `max_over_time(rate(requests_total[1m])[10m:30s]${at})`],
  ['a step that is none', (at) => `max_over_time(sum(requests_total)[10m:]${at})`],
  ['a window shorter than the step', (at) => `count_over_time(load[20s:1m]${at})`],
  ['names that are kept', (at) => `last_over_time(load[5m:45s]${at})`],
  ['an offset', (at) => `avg_over_time(load[5m:30s]${at} offset 7m)`],
  ['an offset that looks ahead', (at) => `avg_over_time(load[5m:30s]${at} offset -2m)`],
  ['an offset inside', (at) => `avg_over_time((load offset 1m)[5m:30s]${at})`],
  ['an offset inside that looks ahead', (at) => `avg_over_time((load offset -1m)[5m:30s]${at})`],
  ['a time that is pinned inside', (at) => `avg_over_time((load @ ${startMs / 1000 + 600})[5m:30s]${at})`],
  ['subqueries in subqueries', (at) => `max_over_time(avg_over_time(load[2m:20s])[10m:1m]${at})`],
  ['two windows of one', (at) => `max_over_time(load[3m:30s]${at}) - min_over_time(load[12m:30s]${at})`],
  [
    'far apart windows of one',
    (at) => `max_over_time(load[2m:30s]${at}) - max_over_time(load[2m:30s]${at} offset 25m)`,
  ],
  [
    'a share of two sums',
    (at) => `sum(rate(sum by (code) (requests_total)[5m:30s]${at})) / sum(rate(sum(requests_total)[5m:30s]${at}))`,
  ],
  ['a quantile and a sign', (at) => `-quantile_over_time(0.9, (load > 0.4)[6m:20s]${at})`],
  ['what time it is', (at) => `max_over_time(vector(time())[5m:1m]${at})`],
  ['nothing there', (at) => `sum_over_time(no_such_metric[5m:1m]${at})`],
  ['what is absent', (at) => `absent_over_time((load > 99)[5m:1m]${at})`],
  ['comparisons that come and go', (at) => `count_over_time((load > 0.5)[10m:30s]${at}) > 3`],
  ['series that end', (at) => `sum by (host) (count_over_time(sometimes[10m:30s]${at}))`],
  ['a top', (at) => `topk(1, max_over_time(load[5m:30s]${at}))`],
  ['a recording that is late', (at) => `max_over_time(recorded[5m:30s]${at})`],
  ['a mistake inside', (at) => `max_over_time((load * on () load)[5m:30s]${at})`],
]

/** Values without a pattern, the same at each run. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453
  return x - Math.floor(x)
}

function samplesAt(timeMs: number): readonly SeriesSamples[] {
  const i = (timeMs - startMs) / scrapeMs
  const one = (labels: Record<string, string>, value: number): SeriesSamples => ({
    labels,
    timesMs: [timeMs],
    values: [value],
    stale: [],
  })
  const series = [
    one({ __name__: 'load', host: 'a' }, noise(i)),
    one({ __name__: 'load', host: 'b' }, noise(i + 1_000)),
    one({ __name__: 'requests_total', code: '200' }, i * 7 + Math.floor(noise(i) * 7)),
    one({ __name__: 'requests_total', code: '500' }, Math.floor(i / 3) % 40),
  ]
  if (i % 50 <= 30) series.push({ ...one({ __name__: 'sometimes', host: 'a' }, i), stale: i % 50 === 30 ? [0] : [] })
  return series
}

async function answerTo(judge: Judge, expression: string, timeMs: number): Promise<unknown> {
  try {
    const result = await judge.query(expression, timeMs)
    if (result.type !== 'vector') return result
    return [...result.samples].map((sample) => JSON.stringify(sample)).sort()
  } catch (error) {
    return (error as Error).message.replaceAll(/\d+:\d+/g, '')
  }
}

describe('asked again and again while samples come in, as rules do', async () => {
  const judge = createEmbeddedJudge(engine)
  const answers = new Map<string, { readonly kept: unknown[]; readonly anew: unknown[] }>()
  for (const [what] of expressions) answers.set(what, { kept: [], anew: [] })
  for (let timeMs = startMs; timeMs < startMs + lengthMs; timeMs += scrapeMs) {
    await judge.append(samplesAt(timeMs))
    for (const [what, text] of expressions) {
      answers.get(what)?.kept.push(await answerTo(judge, text(''), timeMs))
      answers.get(what)?.anew.push(await answerTo(judge, text(` @ ${timeMs / 1000}`), timeMs))
    }
    // A recording is written after rules of this very time have looked at it.
    await judge.append([
      { labels: { __name__: 'recorded' }, timesMs: [timeMs], values: [noise(timeMs / scrapeMs)], stale: [] },
    ])
    for (const [what, text] of expressions) {
      answers.get(what)?.kept.push(await answerTo(judge, text(''), timeMs))
      answers.get(what)?.anew.push(await answerTo(judge, text(` @ ${timeMs / 1000}`), timeMs))
    }
    if (timeMs === startMs + 30 * 60_000) await judge.forget(timeMs - 20 * 60_000)
  }
  await judge.close()

  test.each(expressions.map(([what]) => [what]))('%s', (what) => {
    const { kept, anew } = answers.get(what) ?? { kept: [], anew: ['nothing'] }
    expect(kept).toEqual(anew)
  })

  test('most of them give values', () => {
    const silent = [...answers].filter(([, { anew }]) => anew.every((one) => JSON.stringify(one) === '[]'))
    expect(silent.map(([what]) => what)).toEqual(['nothing there'])
  })
})

describe('asked over a range after the end, as panels do', async () => {
  const judge = createEmbeddedJudge(engine)
  for (let timeMs = startMs; timeMs < startMs + lengthMs; timeMs += scrapeMs) await judge.append(samplesAt(timeMs))
  const query = { startMs: startMs + 5 * 60_000, endMs: startMs + lengthMs, stepMs: 60_000 }

  test.each(expressions.slice(0, -1))('%s', async (_, text) => {
    // Later and earlier steps than those known, and then all of them.
    await answerTo(judge, text(''), startMs + 35 * 60_000)
    await answerTo(judge, text(''), startMs + 8 * 60_000)
    const points = (await judge.queryRange({ expression: text(''), ...query })).flatMap(({ labels, timesMs, values }) =>
      Array.from(timesMs, (timeMs, i) => `${timeMs} ${JSON.stringify({ labels, value: values[i] })}`),
    )
    const anew: string[] = []
    for (let timeMs = query.startMs; timeMs <= query.endMs; timeMs += query.stepMs) {
      const result = await judge.query(text(` @ ${timeMs / 1000}`), timeMs)
      if (result.type !== 'vector') continue
      for (const { labels, value } of result.samples) anew.push(`${timeMs} ${JSON.stringify({ labels, value })}`)
    }
    expect(points.sort()).toEqual(anew.sort())
  })
})

test('more steps than are kept: the answer is the same', async () => {
  const judge = createEmbeddedJudge(engine)
  await judge.append(samplesAt(startMs))
  const wide = (at: string) => `count_over_time(vector(1)[28d:1s]${at}) + count_over_time(vector(2)[1h:1s]${at})`
  expect(await answerTo(judge, wide(''), startMs)).toEqual(await answerTo(judge, wide(` @ ${startMs / 1000}`), startMs))
  expect(await judge.query(wide(''), startMs)).toEqual({
    type: 'vector',
    samples: [{ labels: {}, value: 28 * 86_400 + 3_600 }],
  })
  await judge.close()
}, 60_000)
