/** Expressions taken apart: the parts, their texts, and what `offset` and `@` belong to. */
import { describe, expect, test } from 'vitest'
import { type ExpressionPart, takeApart } from '../../simulator/explain/take-apart.ts'
import { testEngine } from '../drill/run-scenario.ts'
import { shippedExpressions } from './shipped-expressions.ts'

test('a comparison has its two sides, in the order of the text', () => {
  const part = takeApart('sum by (job) (rate(errors_total[5m])) > 0.1')!
  expect(part).toMatchObject({ kind: 'comparison', operator: '>', isBool: false, metrics: ['errors_total'] })
  expect(part.parts.map(({ kind, text }) => [kind, text])).toEqual([
    ['aggregation', 'sum by (job) (rate(errors_total[5m]))'],
    ['number', '0.1'],
  ])
})

test('parentheses leave no level of their own, comments and line breaks are gone, quotes stay as they are', () => {
  const part = takeApart(`(
    up{job=~"a  #b"}   # only these
      == 0
  )`)!
  expect(part.text).toBe('up{job=~"a  #b"} == 0')
  expect(part.parts[0]!.text).toBe('up{job=~"a  #b"}')
})

test('how two sides are matched is kept', () => {
  expect(takeApart('a / on (job) group_left (x) b')).toMatchObject({ matching: 'on (job) group_left (x)' })
  expect(takeApart('a > bool 1')).toMatchObject({ isBool: true })
})

describe('offset and @ belong to the selector before them, as in Prometheus', () => {
  test.each([
    ['a > 0 unless b offset 5m', ['a > 0', 'b offset 5m']],
    ['a offset 5m < 2', ['a offset 5m', '2']],
    ['a and b @ 100 == 1', ['a', 'b @ 100 == 1']],
    ['a @ start() offset 1h > (b offset 1d) * 2', ['a @ start() offset 1h', '(b offset 1d) * 2']],
  ])('%s', (expression, sides) => {
    expect(takeApart(expression)!.parts.map(({ text }) => text)).toEqual(sides)
  })
})

test('negative numbers and written numbers have their value', () => {
  expect(takeApart('a > -1.5')!.parts[1]).toMatchObject({ kind: 'number', value: -1.5 })
  expect(takeApart('a > 1e4')!.parts[1]).toMatchObject({ kind: 'number', value: 10_000 })
})

test('what the grammar does not know is not taken apart', () => {
  expect(takeApart('a[[')).toBeUndefined()
  expect(takeApart('')).toBeUndefined()
})

test('every part of every shipped rule is an expression for Prometheus, and the whole is the rule', async () => {
  const engine = await testEngine()
  for (const expression of await shippedExpressions()) {
    const whole = takeApart(expression)!
    expect(engine.inspect(whole.text).canonical).toBe(engine.inspect(expression).canonical)
    for (const part of everyPart(whole)) expect(() => engine.inspect(part.text), part.text).not.toThrow()
  }
})

function everyPart(part: ExpressionPart): ExpressionPart[] {
  return [part, ...part.parts.flatMap(everyPart)]
}
