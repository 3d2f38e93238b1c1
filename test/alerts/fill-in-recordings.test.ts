/** Recordings are filled in exactly where that changes nothing of what a server would give. */
import { expect, test } from 'vitest'
import { fillInRecordings } from '../../simulator/alerts/fill-in-recordings.ts'
import type { ParsedRule } from '../../simulator/judge/embedded/engine.ts'

const recording = rule('recording', 'job:up:sum', 'sum by (job) (up)')

test('the present value of a recording above becomes its expression', () => {
  expect(filled('job:up:sum < 1')).toBe('(sum by (job) (up)) < 1')
  expect(filled('job:up:sum / on (job) job:up:sum > 0.5')).toBe(
    '(sum by (job) (up)) / on (job) (sum by (job) (up)) > 0.5',
  )
})

test('a recording that reads another one is filled in as a whole', () => {
  const second = rule('recording', 'all:up:sum', 'sum(job:up:sum)')
  const alert = rule('alerting', 'Alert', 'all:up:sum == 0')
  expect(fillInRecordings([recording, second, alert], () => true)[2]!.expression).toBe(
    '(sum((sum by (job) (up)))) == 0',
  )
})

test('an offset elsewhere in the expression does not keep it from being filled in', () => {
  expect(filled('job:up:sum < 1 and on (job) up offset 1h')).toBe('(sum by (job) (up)) < 1 and on (job) up offset 1h')
})

test.each([
  ['a range', 'avg_over_time(job:up:sum[1h]) < 1'],
  ['a subquery', 'max_over_time((job:up:sum < 1)[1h:1m])'],
  ['an offset', 'job:up:sum offset 5m < 1'],
  ['a fixed time', 'job:up:sum @ 0 < 1'],
  ['chosen labels', 'job:up:sum{job="api"} < 1'],
  ['a longer name', 'job:up:sum5m < 1'],
  ['a text', 'label_replace(up, "by", "job:up:sum", "", "")'],
])('%s reads what was stored, and stays as it is', (_, expression) => {
  expect(filled(expression)).toBe(expression)
})

test('a rule above its recording reads what was stored, and stays as it is', () => {
  const alert = rule('alerting', 'Alert', 'job:up:sum < 1')
  expect(fillInRecordings([alert, recording], () => true)[0]!.expression).toBe('job:up:sum < 1')
})

test('a recording with labels of its own, or that is recorded twice, stays as it is', () => {
  const alert = rule('alerting', 'Alert', 'job:up:sum < 1')
  const labelled = { ...recording, labels: { team: 'zeta' } }
  expect(fillInRecordings([labelled, alert], () => true)[1]!.expression).toBe('job:up:sum < 1')
  expect(fillInRecordings([recording, alert], () => false)[1]!.expression).toBe('job:up:sum < 1')
})

function filled(expression: string): string {
  return fillInRecordings([recording, rule('alerting', 'Alert', expression)], () => true)[1]!.expression
}

function rule(kind: ParsedRule['kind'], name: string, expression: string): ParsedRule {
  const place = { line: 1, column: 1, expressionLine: 1 }
  return { kind, name, expression, forMs: 0, keepFiringForMs: 0, labels: {}, annotations: {}, ...place }
}
