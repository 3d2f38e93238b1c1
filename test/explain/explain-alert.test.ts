/** What is said about an alert that fired, was pending, came close, or had nothing to look at. */
import { expect, test } from 'vitest'
import type { Episode, RuleEvaluation } from '../../simulator/alerts/evaluate.ts'
import type { AlertResult } from '../../simulator/drill/drill-result.ts'
import { explainAlert, shortReason } from '../../simulator/explain/explain-alert.ts'
import type { OperandSeries, RecordedRule } from '../../simulator/explain/operand-observer.ts'
import { planOperands } from '../../simulator/explain/operands.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'

const minute = 60_000

test('silence is explained by the closest approach to the threshold', () => {
  const alert = explain({
    expression: 'sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.05',
    values: { '0': ramp([0.01, 0.02, 0.041, 0.02]) },
  })
  expect(alert.outcome).toBe('never true')
  expect(alert.answer).toBe(
    'It did not fire: `sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))` peaked at 4.1 % at 10:00, threshold 5 % (18 % below it).',
  )
  expect(alert.operands.find(({ decided }) => decided)).toMatchObject({ id: '0', closest: { value: 0.041, atS: 600 } })
})

test('below a threshold the lowest value counts', () => {
  expect(explain({ expression: 'free_ratio < 0.15', values: { '0': ramp([0.5, 0.2, 0.3]) } }).answer).toBe(
    'It did not fire: `free_ratio` fell to 20 % at 05:00, threshold 15 % (33 % above it).',
  )
})

test('a condition that ends before "for" is over is told with both lengths', () => {
  const alert = explain({
    expression: 'queue_depth > 10',
    forMs: 10 * minute,
    values: { '': ramp([undefined, 12, 20, undefined]), '0': ramp([1, 12, 20, 3]) },
    offsets: [[episode(5 * minute, undefined, 15 * minute)]],
  })
  expect(alert.outcome).toBe('pending')
  expect(alert.answer).toBe(
    'It did not fire: the condition was true for 5m (05:00 to 10:00), and the rule waits 10m. `queue_depth` peaked at 20 at 10:00, threshold 10.',
  )
  expect(alert.steps.map(({ title }) => title)).toEqual([
    'The fault begins',
    'The condition becomes true',
    'An evaluation sees it: pending',
    'An evaluation finds it false: inactive again',
  ])
})

test('a firing alert says where the time from the fault to the page went', () => {
  const alert = explain({
    expression: 'queue_depth > 10',
    forMs: 5 * minute,
    values: { '': ramp([undefined, 12, 20, 30]), '0': ramp([1, 12, 20, 30]) },
    offsets: [[episode(5 * minute, 10 * minute)], [episode(5.5 * minute, 10.5 * minute)]],
  })
  expect(alert.question).toBe('Why did it fire?')
  expect(alert.answer).toBe(
    'It fired 10:00 to 10:30: `queue_depth` was above 10 from 05:00 on and stayed so for the 5m that the rule waits.',
  )
  expect(alert.delay).toEqual({ event: 'jam', faultAtS: 240, signalS: 60, intervalS: [0, 30], forS: 300 })
  expect(shortReason(alert)[1]).toBe(
    'fault at 04:00, condition true 1m later, seen by an evaluation within 30s, held for 5m',
  )
})

test('what is not measured can not fire, and the scrape config is named', () => {
  const alert = explain({
    expression: 'queue_depth > 10',
    values: {},
    missing: 'queue_depth is dropped by prometheus.yml:12',
  })
  expect(alert.answer).toBe('It could not fire: queue_depth is dropped by prometheus.yml:12.')
  expect(alert.operands.at(-1)!.note).toBe('queue_depth is dropped by prometheus.yml:12')
})

test('under "and" the side that was never true decides', () => {
  const alert = explain({
    expression: 'queue_depth > 10 and consumers < 1',
    values: { '0': ramp([undefined, 12, 20]), '0.0': ramp([1, 12, 20]), '1.0': ramp([3, 3, 2]) },
  })
  expect(alert.operands.find(({ decided }) => decided)!.text).toBe('consumers')
  expect(alert.answer).toBe('It did not fire: `consumers` fell to 2 at 10:00, threshold 1 (100 % above it).')
})

test('two sides that are true, but never together, are told apart', () => {
  const alert = explain({
    expression: 'queue_depth > 10 and consumers < 1',
    values: {
      '0': ramp([undefined, 12, undefined, undefined]),
      '0.0': ramp([1, 12, 3, 3]),
      '1': ramp([undefined, undefined, undefined, 0]),
      '1.0': ramp([3, 3, 3, 0]),
    },
  })
  expect(alert.steps.find(({ title }) => title === 'Never together')!.text).toBe(
    '`queue_depth > 10` was true within 05:00, `consumers < 1` was true within 15:00; never at once for the same labels.',
  )
})

test('an evaluation that fails is an answer of its own', () => {
  const alert = explain({ expression: 'a > 1', values: {}, failure: 'found duplicate series' })
  expect(alert.answer).toBe('It could not fire: its evaluation fails with "found duplicate series".')
})

interface Case {
  readonly expression: string
  readonly forMs?: number
  /** By the position in the expression. */
  readonly values: Readonly<Record<string, OperandSeries>>
  readonly offsets?: readonly Episode[][]
  readonly missing?: string
  readonly failure?: string
}

test('a division whose sides have no labels in common says so', () => {
  const { answer } = explain({
    expression: 'rejected / consumed > 0.05',
    values: { '0.0': ramp([1, 2]), '0.1': { ...ramp([4, 5]), labels: { topic: 'interactions' } } },
  })
  expect(answer).toBe(
    'It did not fire: `rejected / consumed` never had a value: its sides do, but no two with the same labels (left {}, right {topic="interactions"}).',
  )
})

function explain({ expression, forMs = 0, values, offsets = [], missing, failure }: Case) {
  const rule = { name: 'QueueJam', expression, forMs, keepFiringForMs: 0, place: 'rules.yml:3' }
  const evaluation = {
    rule,
    group: { name: 'queues', intervalMs: minute },
    notJudged: undefined,
    offsets: offsets.map((episodes, i) => ({ offsetMs: i * 30_000, episodes })),
    everTrue: offsets.length > 0,
    failures: failure === undefined ? [] : [{ atMs: 0, message: failure }],
  } as unknown as RuleEvaluation
  const plan = planOperands(expression, 'everything')
  const operands = plan.operands.map((operand) => {
    const series = values[operand.id] ? [values[operand.id]!] : []
    return { ...operand, series, seriesCount: series.length, error: undefined }
  })
  const recorded = { rule, plan, operands, stepS: 300 } as unknown as RecordedRule
  const result = {
    alertname: 'QueueJam',
    expected: 'fires',
    labels: {},
    window: null,
    instances: [],
  } as unknown as AlertResult
  const drill = {
    lengthMs: 30 * minute,
    observe: [],
    expect: { alerts: {} },
    events: [
      {
        id: 'jam',
        fault: 'consumer.stall',
        startMs: 4 * minute,
        endMs: 20 * minute,
        ends: true,
        severity: { from: 1, to: 1, overMs: 0 },
        params: { target: { service: 'data-pipeline', topic: 'interactions' } },
      },
    ],
  } as unknown as Drill
  return explainAlert({ drill, evaluation, result, recorded, missing })
}

/** A value every five minutes; undefined: none. */
function ramp(values: readonly (number | undefined)[]): OperandSeries {
  const present = values.flatMap((value, i) => (value === undefined ? [] : { value, atS: i * 300 }))
  return { labels: {}, timesS: present.map(({ atS }) => atS), values: present.map(({ value }) => value) }
}

function episode(pendingAtMs: number, firingAtMs?: number, resolvedAtMs?: number): Episode {
  return { key: 'one', labels: {}, sampleLabels: {}, pendingAtMs, firingAtMs, resolvedAtMs, value: 12 }
}
