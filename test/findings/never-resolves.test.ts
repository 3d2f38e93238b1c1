/** An alert needs time to come to rest: from the end of the fault, and from when it began to fire. */
import { expect, test } from 'vitest'
import type { RunSubject } from '../../simulator/findings/finding.ts'
import { neverResolves } from '../../simulator/findings/never-resolves.ts'

/** The rule looks back five minutes each minute: twelve minutes are patience enough. */
function noticed(alert: { firingAt: [number, number]; resolvedAt: [number, number] | null }, virtualSeconds: number) {
  const facts = { lookbackMs: 300_000 }
  const rule = { name: 'Low', kind: 'alerting', place: 'rules.yml:4', keepFiringForMs: 0, facts }
  const subject = {
    groups: [{ intervalMs: 60_000, rules: [rule] }],
    results: [
      {
        scenario: 'redis-down',
        virtualSeconds,
        events: [{ startS: 420, endS: 430 }],
        alerts: [{ alertname: 'Low', ...alert }],
      },
    ],
  }
  return [...neverResolves.inRun!(subject as unknown as RunSubject)]
}

test('an alert that still fires long after the fault is told, with the times', () => {
  const [found] = noticed({ firingAt: [480, 500], resolvedAt: null }, 1250)
  expect(found).toMatchObject({ where: 'rules.yml:4', evidence: expect.stringContaining('the last fault ends 07:10') })
})

test('an alert that began to fire just before the drill ended is not', () => {
  expect(noticed({ firingAt: [1110, 1165], resolvedAt: null }, 1200)).toEqual([])
})

test('nor is one that resolves', () => {
  expect(noticed({ firingAt: [480, 500], resolvedAt: [900, 920] }, 1250)).toEqual([])
})
