/** Moves a drill to another time, and puts a quiet history in front of it, so that dashboards have something to show. */
import type { Drill } from '../scenario/scenario.ts'

export interface Placement {
  /** Unix time at which the drill ends, milliseconds. */
  readonly endingMs: number
  /** How long it lasts in all, milliseconds; the drill's own length when left out or shorter. */
  readonly historyMs?: number
}

/**
 * The same drill at another time. What stands in front of it is the load of its beginning and no fault.
 * Expectations keep their distance to the faults, so they hold where the history does not change what they look at.
 */
export function placeInTime(drill: Drill, { endingMs, historyMs = 0 }: Placement): Drill {
  const quietMs = Math.max(0, historyMs - drill.lengthMs)
  const lengthMs = drill.lengthMs + quietMs
  const later = (ms: number) => ms + quietMs
  const window = <T extends readonly [number, number] | undefined>(range: T) =>
    range && ([later(range[0]), later(range[1])] as const)
  const [first, ...rest] = drill.load
  return {
    ...drill,
    startMs: endingMs - lengthMs,
    lengthMs,
    load: [
      ...(quietMs > 0 && first ? [{ ...first, startMs: 0, endMs: quietMs, toPerSecond: first.fromPerSecond }] : []),
      ...[first, ...rest].flatMap((stage) =>
        stage ? [{ ...stage, startMs: later(stage.startMs), endMs: later(stage.endMs) }] : [],
      ),
    ],
    steady: drill.steady && { ...drill.steady, fromMs: later(drill.steady.fromMs) },
    events: drill.events.map((event) => ({ ...event, startMs: later(event.startMs), endMs: later(event.endMs) })),
    observe: drill.observe.map((gap) => ({ ...gap, startMs: later(gap.startMs), endMs: later(gap.endMs) })),
    expect: {
      ...drill.expect,
      alerts: Object.fromEntries(
        Object.entries(drill.expect.alerts).map(([name, alert]) => [
          name,
          alert.kind === 'fires' ? { ...alert, firing: window(alert.firing), resolved: window(alert.resolved) } : alert,
        ]),
      ),
      logs: drill.expect.logs.map((one) => ({ ...one, duringMs: window(one.duringMs) })),
      traces: drill.expect.traces.map((one) => ({ ...one, duringMs: window(one.duringMs) })),
    },
  }
}
