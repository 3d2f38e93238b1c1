/** The states of an alert as a table: what Prometheus's rules/alerting.go does, evaluation by evaluation. */
import { describe, expect, test } from 'vitest'
import {
  type ActiveAlerts,
  type AlertSample,
  type AlertTiming,
  stepAlerts,
} from '../../simulator/alerts/alert-state.ts'

const timing: AlertTiming = { forMs: 60_000, keepFiringForMs: 0, limit: 0 }

function sample(instance: string, value = 1, extra: Record<string, string> = {}): AlertSample {
  const labels = { instance, ...extra }
  return { key: JSON.stringify(labels), labels, sampleLabels: { instance }, value }
}

/** Phases of instance a, one evaluation each 30 s; `.` stands for a result that is not there. */
function phases(results: string, changes: Partial<AlertTiming> = {}): string {
  let active: ActiveAlerts = new Map()
  let text = ''
  for (const [i, result] of [...results].entries()) {
    const step = stepAlerts(active, result === '.' ? [] : [sample('a')], i * 30_000, { ...timing, ...changes })
    active = step.active
    text += { pending: 'p', firing: 'F', inactive: '-' }[[...active.values()][0]?.phase ?? 'inactive']
  }
  return text
}

describe('for', () => {
  test('a condition that stays true fires once it was pending long enough', () => {
    expect(phases('xxxxx')).toBe('ppFFF')
  })
  test('a condition that goes away starts anew', () => {
    expect(phases('xx.xxx')).toBe('pp-ppF')
  })
  test('without for, the first true evaluation fires', () => {
    expect(phases('.x.', { forMs: 0 })).toBe('-F-')
  })
})

describe('keep_firing_for', () => {
  test('keeps a firing alert for its time after the condition is gone', () => {
    expect(phases('xxx.....', { keepFiringForMs: 60_000 })).toBe('ppFFF---')
  })
  test('keeps no pending alert', () => {
    expect(phases('xx...', { keepFiringForMs: 60_000 })).toBe('pp---')
  })
  test('begins anew when the condition comes back in between', () => {
    expect(phases('xxx.x...', { keepFiringForMs: 60_000 })).toBe('ppFFFFF-')
  })
})

test('two results with the same labels fail the evaluation and change nothing', () => {
  const before = stepAlerts(new Map(), [sample('a')], 0, timing).active
  const step = stepAlerts(before, [sample('a'), sample('a', 2)], 30_000, timing)
  expect(step.error).toBe('vector contains metrics with the same labelset after applying alert labels')
  expect(step.active).toBe(before)
})

test('a value in a label makes another alert of it, so the wait starts again', () => {
  const first = stepAlerts(new Map(), [sample('a', 1, { value: '1' })], 0, timing)
  const second = stepAlerts(first.active, [sample('a', 2, { value: '2' })], 60_000, timing)
  expect(second.ended).toHaveLength(1)
  expect([...second.active.values()].map(({ phase, activeAtMs }) => [phase, activeAtMs])).toEqual([['pending', 60_000]])
})

test('more alerts than the limit fail the evaluation and take every alert away', () => {
  const before = stepAlerts(new Map(), [sample('a')], 0, { ...timing, limit: 1 }).active
  const step = stepAlerts(before, [sample('a'), sample('b')], 30_000, { ...timing, limit: 1 })
  expect(step.error).toBe('exceeded limit of 1 with 2 alerts')
  expect(step.active.size).toBe(0)
  expect(step.ended).toHaveLength(1)
})

test('a step says who started, fired and ended', () => {
  const first = stepAlerts(new Map(), [sample('a')], 0, timing)
  expect(first).toMatchObject({ started: [sample('a').key], fired: [], ended: [] })
  const second = stepAlerts(first.active, [sample('a', 7)], 60_000, timing)
  expect(second).toMatchObject({ started: [], fired: [sample('a').key], ended: [] })
  expect(second.active.get(sample('a').key)).toMatchObject({ phase: 'firing', value: 7, activeAtMs: 0 })
  expect(stepAlerts(second.active, [], 90_000, timing)).toMatchObject({ ended: [sample('a').key] })
})
