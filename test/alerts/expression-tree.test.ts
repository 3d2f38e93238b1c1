/** The one reader of PromQL syntax: what the parts are, where they stand, and what `offset` and `@` belong to. */
import { describe, expect, test } from 'vitest'
import {
  durationPlaces,
  type Expression,
  expressionsIn,
  parseExpression,
  textAt,
} from '../../simulator/alerts/expression-tree.ts'
import { shippedExpressions } from '../explain/shipped-expressions.ts'

const partsOf = (text: string) => [...expressionsIn(parseExpression(text)!)]
const textsOf = (text: string, kind: Expression['kind']) =>
  partsOf(text)
    .filter((part) => part.kind === kind)
    .map(({ place }) => textAt(text, place))

describe('offset and @ belong to the selector or subquery before them, as in Prometheus', () => {
  test.each([
    ['a + b offset 5m', ['a', 'b offset 5m']],
    ['a offset 5m + b', ['a offset 5m', 'b']],
    ['a > 0 unless b @ 100 offset 1h', ['a', 'b @ 100 offset 1h']],
    ['rate(a[5m] offset 1h) / rate(b[5m] @ end())', ['a[5m] offset 1h', 'b[5m] @ end()']],
    ['sum by (job) (a offset -5m) * 2', ['a offset -5m']],
  ])('%s', (text, selectors) => {
    expect(textsOf(text, 'selector')).toEqual(selectors)
  })

  test('of a subquery they shift the whole', () => {
    const text = 'max_over_time((a - b offset 1m)[1h:1m] offset 1d) > 3'
    expect(textsOf(text, 'subquery')).toEqual(['(a - b offset 1m)[1h:1m] offset 1d'])
    expect(textsOf(text, 'selector')).toEqual(['a', 'b offset 1m'])
  })

  test('a shift reaches as far as the operand that ends with it', () => {
    expect(textsOf('a and (b / c offset 5m) * 2', 'binary')).toEqual([
      'a and (b / c offset 5m) * 2',
      '(b / c offset 5m) * 2',
      'b / c offset 5m',
    ])
  })
})

test('every part knows its place, without the parentheses around it', () => {
  const text = '( sum by (job) (rate(x{a="1", b=~"2"}[5m])) ) > (0.5)'
  const [comparison, sum, , selector] = partsOf(text)
  expect(comparison).toMatchObject({ kind: 'binary', operator: '>' })
  expect(textAt(text, sum!.place)).toBe('sum by (job) (rate(x{a="1", b=~"2"}[5m]))')
  if (sum?.kind !== 'aggregation' || selector?.kind !== 'selector') throw new Error('another tree')
  expect(textAt(text, sum.grouping!.place)).toBe('(job)')
  expect(textAt(text, selector.rangePlace!)).toBe('5m')
  expect(selector.matchers.map(({ place }) => textAt(text, place))).toEqual(['a="1"', 'b=~"2"'])
})

test('comments are no part of an expression, wherever they stand', () => {
  const text = '# first\nup # which\n  == # how\n 0 # last'
  expect(partsOf(text).map(({ kind }) => kind)).toEqual(['binary', 'selector', 'number'])
})

test('names in quotes and names by matcher are names of the metric', () => {
  expect(parseExpression('{"my.metric", a="1"}')).toMatchObject({ metric: 'my.metric', matchers: [{ name: 'a' }] })
  expect(parseExpression('{__name__="x"}')).toMatchObject({ metric: 'x', matchers: [] })
})

test('what the grammar does not know is not known, rather than half read', () => {
  for (const text of ['', 'a[[', 'a +', 'sum by (x', 'a b']) expect(parseExpression(text)).toBeUndefined()
})

test('durations are found, and numbers that only look like them are not', () => {
  const text = 'rate(x[5m] offset 1h) > 300 and max_over_time(y{w="5m"}[1h:15s]) > 1'
  expect(durationPlaces(text).map((place) => textAt(text, place))).toEqual(['5m', '1h', '1h', '15s'])
})

test('the shipped rules and dashboards are known', async () => {
  for (const text of await shippedExpressions()) expect(parseExpression(text), text).toBeDefined()
})
