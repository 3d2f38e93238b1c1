/** Drills that a scorecard needs beside those of the suite: weaker faults, and quiet days. */

import { findFault } from '../faults/index.ts'
import type { Drill } from '../scenario/scenario.ts'
import { expectedToFire } from './scorecard.ts'

/**
 * The scenarios with the fault of their alert weakened. What they expect is loosened: how late an alert comes, or
 * whether, is what is to be measured.
 * @param factors of the severity, between 0 and 1
 */
export function weakerDrills(suite: readonly Drill[], alerts: readonly string[], factors: readonly number[]): Drill[] {
  return suite.flatMap((drill) => {
    if (drill.twin !== undefined) return []
    const causes = new Set(
      expectedToFire(drill).flatMap((alert) => {
        const expected = drill.expect.alerts[alert]
        return expected?.kind === 'fires' && expected.because && alerts.includes(alert) ? expected.because : []
      }),
    )
    const graded = drill.events.filter(({ id, fault }) => causes.has(id) && findFault(fault)!.graded)
    if (graded.length === 0) return []
    return factors.map((factor) =>
      weaken(
        drill,
        graded.map(({ id }) => id),
        factor,
      ),
    )
  })
}

function weaken(drill: Drill, ids: readonly string[], factor: number): Drill {
  const name = `${drill.name} at ${factor * 100} %`
  const events = drill.events.map((event) => {
    if (!ids.includes(event.id)) return event
    const { from, to, overMs } = event.severity
    return { ...event, severity: { from: from * factor, to: to * factor, overMs } }
  })
  return measuring({ ...drill, name, events })
}

/** Half an hour is not enough to see what a rule does by itself: days without a fault, each with a seed of its own. */
export function quietDays(suite: readonly Drill[], count: number): Drill[] {
  const quiet = suite.find(({ events, twin }) => events.length === 0 && twin === undefined) ?? suite[0]
  if (!quiet) return []
  return Array.from({ length: count }, (_, i) => {
    const perSecond = quiet.load[0]!.fromPerSecond
    return measuring({
      ...quiet,
      name: `quiet day ${i + 1}`,
      twin: undefined,
      seed: quiet.seed + 1 + i,
      lengthMs: dayMs,
      load: [{ startMs: 0, endMs: dayMs, fromPerSecond: perSecond, toPerSecond: perSecond, daily: 0.3 }],
      events: [],
      observe: [],
      steady: undefined,
    })
  })
}

const dayMs = 86_400_000

/** The same alerts are looked for; nothing is demanded. */
function measuring(drill: Drill): Drill {
  const alerts = Object.fromEntries(
    Object.entries(drill.expect.alerts).map(([name, expected]) => {
      if (expected.kind !== 'fires' || drill.events.length === 0) return [name, { kind: 'may' as const }]
      return [name, { ...expected, firing: [0, drill.lengthMs] as const, resolved: undefined, textComplete: false }]
    }),
  )
  return { ...drill, steady: undefined, expect: { alerts, otherwise: 'may', logs: [], traces: [], panels: [] } }
}
