/**
 * Random rules with random series, the same ones at each run: what the contract suite asks every judge. All cases fit into
 * one store, since each names its own series by the label `case`.
 */
import fc from 'fast-check'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'

export interface RandomRule {
  readonly id: string
  readonly expression: string
  readonly intervalS: number
  readonly forS: number
  readonly keepFiringForS: number
  /** Samples lie exactly at the times of evaluations, where Prometheus 2 and 3 count differently. */
  readonly onGrid: boolean
  readonly series: readonly SeriesSamples[]
}

export const sampleMs = 15_000
const samples = 100
/** No time of a sample is a whole number of seconds away from an evaluation. */
const besideGridMs = 2_500
/** Of this many cases one lies on the grid. */
const onGridEvery = 5

/** @param startMs Unix time of the first sample, a multiple of the evaluation interval */
export function randomRules(count: number, seed: number, startMs: number): RandomRule[] {
  return fc.sample(anyCase, { seed, numRuns: count }).map((drawn, i) => {
    const id = `c${i}`
    const onGrid = i % onGridEvery === 0
    const firstMs = startMs + (onGrid ? 0 : besideGridMs)
    const { gauges, counters, buckets, expression, ...rule } = drawn
    const series = [
      ...gauges.map(({ instance, values }) => toSeries('gauge', { instance, case: id }, values, firstMs)),
      ...counters.map(({ instance, values }) => toSeries('requests_total', { instance, case: id }, values, firstMs)),
      ...buckets.map(({ le, values }) => toSeries('latency_bucket', { le, case: id }, values, firstMs)),
    ]
    return { ...rule, id, onGrid, series, expression: expression.replaceAll('CASE', id) }
  })
}

/** `gap`: no sample. `stale`: the marker that ends a series. */
type Value = number | 'gap' | 'stale'

const instances = fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 })

const anyValue = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 10 }) },
  { weight: 12, arbitrary: fc.integer({ min: -300, max: 3_000 }).map((whole) => whole / 7) },
  { weight: 3, arbitrary: fc.constant<Value>('gap') },
  { weight: 2, arbitrary: fc.constant<Value>('stale') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-300, 1e300),
  },
)

/** Values in runs, so that alerts have time to fire. */
const gaugeValues = runsOf(anyValue)

/** What grows, at a rate of its own in each run, and starts anew where a run says so. */
const counterValues = runsOf(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 400 }).map((whole) => whole / 10) },
    { weight: 1, arbitrary: fc.constant<Value>('gap') },
    { weight: 1, arbitrary: fc.constant<Value>('stale') },
    { weight: 1, arbitrary: fc.constant<Value>(-1) },
  ),
).map((steps) => {
  let total = 0
  return steps.map((step): Value => {
    if (typeof step !== 'number') return step
    total = step < 0 ? 0 : total + step
    return total
  })
})

function runsOf(value: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> {
  return fc
    .array(fc.tuple(value, fc.integer({ min: 1, max: 30 })), { minLength: 4, maxLength: 14 })
    .map((runs) => runs.flatMap(([one, length]) => Array<Value>(length).fill(one)))
    .map((list) => Array.from({ length: samples }, (_, i) => list[i % list.length]!))
}

const upperBounds = ['0.1', '0.5', '1', '+Inf']

/** Each bucket holds those below it. */
const histogram = counterValues.chain((total) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 3, maxLength: 3 }).map((shares) =>
    upperBounds.map((le, i) => ({
      le,
      values: total.map((value) => {
        const share = i === 3 ? 1 : shares.toSorted((a, b) => a - b)[i]! / 100
        return typeof value === 'number' ? Math.floor(value * share) : value
      }),
    })),
  ),
)

const selector = fc
  .tuple(
    fc.constantFrom('gauge', 'requests_total'),
    fc.constantFrom('', '', '', ',instance="a"', ',instance!="a"', ',instance=~"a|b"', ',instance!~"c.*"'),
  )
  .map(([name, matcher]) => `${name}{case="CASE"${matcher}}`)
const offset = fc.constantFrom('', '', '', ' offset 1m', ' offset 95s')
const range = fc.constantFrom('40s', '1m', '100s', '5m', '590s')

const counterFunction = fc
  .tuple(fc.constantFrom('rate', 'increase', 'irate', 'resets'), range, offset)
  .map(([name, length, shift]) => `${name}(requests_total{case="CASE"}[${length}]${shift})`)
const gaugeFunction = fc
  .tuple(
    fc.constantFrom(
      ...['avg', 'min', 'max', 'sum', 'count', 'last', 'stddev', 'stdvar', 'present'].map(
        (name) => `${name}_over_time(`,
      ),
      ...['delta(', 'idelta(', 'deriv(', 'changes(', 'quantile_over_time(0.9, '],
    ),
    selector,
    range,
    offset,
  )
  .map(([name, of, length, shift]) => `${name}${of}[${length}]${shift})`)
const quantile = fc
  .tuple(fc.constantFrom('0', '0.5', '0.95', '0.99', '1'), range)
  .map(([q, length]) => `histogram_quantile(${q}, sum by (le) (rate(latency_bucket{case="CASE"}[${length}])))`)

const { vector } = fc.letrec<{ vector: string }>((tie) => {
  const inner = tie('vector')
  return {
    vector: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      { weight: 3, arbitrary: fc.tuple(selector, offset).map((parts) => parts.join('')) },
      { weight: 3, arbitrary: counterFunction },
      { weight: 3, arbitrary: gaugeFunction },
      { weight: 1, arbitrary: quantile },
      { weight: 1, arbitrary: fc.constantFrom('vector(time() % 600)', 'vector(7)', 'hour()', 'minute()') },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom('sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'quantile'),
            fc.constantFrom(' by (instance)', ' by (case)', ' without (instance)', ''),
            inner,
          )
          .map(([name, by, of]) => `${name}${by} (${name === 'quantile' ? '0.7, ' : ''}${of})`),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constantFrom('topk', 'bottomk'), inner).map(([name, of]) => `${name}(2, ${of})`),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'abs',
              'ceil',
              'floor',
              'round',
              'sqrt',
              'ln',
              'exp',
              'sgn',
              'timestamp',
              'absent',
              '-',
              'sort',
            ),
            inner,
          )
          .map(([name, of]) => `${name}(${of})`),
      },
      {
        weight: 2,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'clamp_max(OF, 5)',
              'clamp(OF, 1, 6)',
              'label_replace(OF, "zone", "zone-$1", "instance", "(.)")',
              'label_join(OF, "both", "/", "case", "instance")',
              'max_over_time((OF)[290s:60s])',
              'avg_over_time((OF)[333s:20s])',
              'scalar(OF) + OF',
            ),
            inner,
          )
          .map(([form, of]) => form.replaceAll('OF', () => of)),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            inner,
            fc.constantFrom('+', '-', '*', '/', '%', '^', '> bool', '== bool', 'and', 'or', 'unless', '>', '<='),
            fc.constantFrom('', '', ' on (instance)', ' ignoring (job)', ' on (case)'),
            inner,
          )
          .map(([left, operator, matching, right]) => `(${left}) ${operator}${matching} (${right})`),
      },
    ),
  }
})

const anyCase = fc.record({
  expression: fc
    .tuple(
      vector,
      fc.constantFrom('>', '<', '>=', '<=', '!='),
      fc.constantFrom('0', '0.02', '0.5', '1', '3', '5', '9', '100'),
    )
    .map((parts) => parts.join(' ')),
  intervalS: fc.constantFrom(30, 60, 120),
  forS: fc.constantFrom(0, 0, 30, 60, 100, 180),
  keepFiringForS: fc.constantFrom(0, 0, 60, 150),
  gauges: instances.chain((names) =>
    fc.tuple(...names.map((instance) => gaugeValues.map((values) => ({ instance, values })))),
  ),
  counters: instances.chain((names) =>
    fc.tuple(...names.map((instance) => counterValues.map((values) => ({ instance, values })))),
  ),
  buckets: histogram,
})

function toSeries(
  name: string,
  labels: Readonly<Record<string, string>>,
  values: readonly Value[],
  firstMs: number,
): SeriesSamples {
  const timesMs: number[] = []
  const numbers: number[] = []
  const stale: number[] = []
  values.forEach((value, i) => {
    if (value === 'gap') return
    if (value === 'stale') stale.push(timesMs.length)
    timesMs.push(firstMs + i * sampleMs)
    numbers.push(value === 'stale' ? Number.NaN : value)
  })
  return { labels: { __name__: name, job: 'random', ...labels }, timesMs, values: numbers, stale }
}

/** How long the series are, milliseconds. */
export const lengthMs = samples * sampleMs
