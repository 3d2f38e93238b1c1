/** The number in a text is not the number that the rule tests: the page says 10 %, and the rule fires from 5 % on. */
import { type Expression, expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import type { Rule } from '../alerts/load-rules.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'

export const thresholdNotTested: FindingDefinition = {
  code: 'threshold-not-tested',
  severity: 'warning',
  title: 'the rule does not test the number in its text',
  *inFiles({ groups }) {
    for (const { rule } of alertingRulesOf(groups)) {
      const stated = Object.entries(rule.annotations).flatMap(([field, text]) =>
        statedNumbers(text).map((number) => ({ field, ...number })),
      )
      if (stated.length === 0) continue
      const tested = testedNumbers(rule)
      if (tested.length === 0) continue
      const wrong = stated.filter(
        ({ meanings }) => !meanings.some((meaning) => tested.some((one) => isNear(meaning, one))),
      )
      if (wrong.length === 0) continue
      const { field, words } = wrong[0]!
      yield {
        where: rule.place,
        message: `${rule.name}: ${field} says "${words}", which is not what the expression compares with`,
        evidence: `the expression compares with ${[...new Set(tested)].join(' and ')}${rule.forMs > 0 ? `, the rule waits ${rule.forMs / 1000} s` : ''}; "${words}" would be ${wrong[0]!.meanings.join(' or ')}`,
      }
    }
  },
}

/** Numbers behind a word that announces a limit, in every meaning that their unit allows (base units). */
function statedNumbers(text: string): { words: string; meanings: number[] }[] {
  const plain = text.replaceAll(/\{\{[^}]*\}\}/g, ' ')
  const announced =
    /(?:\b(?:threshold(?: is| of)?|limit(?: is| of)?|over|above|more than|exceeds?|exceeding|greater than|higher than|below|under|less than|lower than|fewer than|at least)|[<>]=?)\s*:?\s*(\d+(?:[.,]\d+)*)\s*(%|percent\b|[a-zA-Zµ]+)?/gi
  return [...plain.matchAll(announced)].flatMap(([words, digits, unit = '']) => {
    const number = Number(digits!.replaceAll(/,(?=\d{3})/g, '').replace(',', '.'))
    const meanings = meaningsOf(number, unit)
    return Number.isFinite(number) && meanings.length > 0 ? [{ words: words.trim(), meanings }] : []
  })
}

const factors: Readonly<Record<string, readonly number[]>> = {
  '%': [0.01, 1],
  percent: [0.01, 1],
  ms: [0.001, 1],
  s: [1],
  sec: [1],
  second: [1],
  seconds: [1],
  m: [60, 1e6, 0.001],
  min: [60],
  minute: [60],
  minutes: [60],
  h: [3600],
  hour: [3600, 1],
  hours: [3600, 1],
  d: [86_400],
  day: [86_400],
  days: [86_400],
  k: [1000],
  kb: [1000, 1024],
  kib: [1024],
  mb: [1e6, 1024 ** 2],
  mib: [1024 ** 2],
  gb: [1e9, 1024 ** 3],
  gib: [1024 ** 3],
  tb: [1e12, 1024 ** 4],
  tib: [1024 ** 4],
}

function meaningsOf(number: number, unit: string): number[] {
  // A word that is no unit ("over 5 requests") leaves the number as it is.
  return (factors[unit.toLowerCase()] ?? [1]).map((factor) => number * factor)
}

/** Every number that decides: of comparisons and of the time that the rule waits or looks back. */
function testedNumbers(rule: Rule): number[] {
  const tree = parseExpression(rule.expression)
  if (!tree) return []
  const compared: number[] = []
  const ranges: number[] = []
  for (const part of expressionsIn(tree)) {
    if (part.kind === 'selector' && part.rangeMs > 0) ranges.push(part.rangeMs / 1000)
    if (part.kind !== 'binary' || !['>', '<', '>=', '<=', '==', '!='].includes(part.operator)) continue
    for (const side of [part.left, part.right]) {
      const value = constantOf(side)
      if (value !== undefined) compared.push(value)
    }
  }
  // Without a comparison with a number there is nothing that a text could contradict.
  if (compared.length === 0) return []
  // `up == 0` is stated in words; `1 - x < 0.7` and `x > 0.3` are the same limit.
  return [...compared, ...compared.map((value) => 1 - value), ...ranges, rule.forMs / 1000]
}

function constantOf(expression: Expression): number | undefined {
  if (expression.kind === 'number') return expression.value
  if (expression.kind === 'unary') {
    const value = constantOf(expression.of)
    return value === undefined ? undefined : expression.operator === '-' ? -value : value
  }
  if (expression.kind !== 'binary') return undefined
  const left = constantOf(expression.left)
  const right = constantOf(expression.right)
  if (left === undefined || right === undefined) return undefined
  const { operator } = expression
  if (operator === '*') return left * right
  if (operator === '/') return left / right
  if (operator === '+') return left + right
  return operator === '-' ? left - right : undefined
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1e-9, Math.abs(a), Math.abs(b))
}
