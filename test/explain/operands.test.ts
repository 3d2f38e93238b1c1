/** Which parts of an expression are looked at, and what each is for. */
import { expect, test } from 'vitest'
import { gridStepMs } from '../../simulator/explain/operand-observer.ts'
import { planOperands } from '../../simulator/explain/operands.ts'

function rolesOf(expression: string, detail: 'signals' | 'everything' = 'everything') {
  return planOperands(expression, detail).operands.map(({ role, text }) => `${role}: ${text}`)
}

test('a comparison is a condition with a signal; a number needs no query of its own', () => {
  const { operands } = planOperands('rate(errors_total[5m]) > 0.1', 'everything')
  expect(operands.map(({ role, text }) => [role, text])).toEqual([
    ['condition', 'rate(errors_total[5m]) > 0.1'],
    ['signal', 'rate(errors_total[5m])'],
  ])
  expect(operands[1]!.comparison).toMatchObject({ operator: '>', threshold: 0.1 })
})

test('a number on the left is turned around', () => {
  expect(planOperands('5 < a', 'signals').operands[1]).toMatchObject({
    text: 'a',
    comparison: { operator: '>', threshold: 5 },
  })
})

test('a threshold that is an expression is looked at as well', () => {
  expect(rolesOf('a > b * 2')).toEqual(['condition: a > b * 2', 'signal: a', 'threshold: b * 2', 'part: b'])
})

test('under and, or, unless every side is a condition of its own', () => {
  const { condition } = planOperands('a > 1 and b < 2 unless c', 'signals')
  expect(condition).toEqual({
    kind: 'unless',
    id: '',
    sides: [
      {
        kind: 'and',
        id: '0',
        sides: [
          { kind: 'signal', id: '0.0.0', conditionId: '0.0' },
          { kind: 'signal', id: '0.1.0', conditionId: '0.1' },
        ],
      },
      { kind: 'signal', id: '1', conditionId: '1' },
    ],
  })
})

test('the sides of what is calculated are parts, each once; wrappers and range vectors are not', () => {
  expect(rolesOf('1 - sum(rate(m[5m])) / (sum(rate(m[5m])) + sum(rate(h[5m]))) < 0.7').slice(2)).toEqual([
    'part: sum(rate(m[5m])) / (sum(rate(m[5m])) + sum(rate(h[5m])))',
    'part: sum(rate(m[5m]))',
    'part: sum(rate(m[5m])) + sum(rate(h[5m]))',
    'part: sum(rate(h[5m]))',
  ])
})

test('only what is compared, when that is enough', () => {
  expect(rolesOf('a / b > 1', 'signals')).toEqual(['condition: a / b > 1', 'signal: a / b'])
})

test('the grid stays coarse enough to draw', () => {
  expect(gridStepMs(36 * 60_000)).toBe(10_000)
  expect(gridStepMs(24 * 3_600_000)).toBe(300_000)
  expect(gridStepMs(60 * 24 * 3_600_000)).toBe(4 * 3_600_000)
})
