/** Drills that only findings ask for (`--deep`): quiet mornings over several seeds, and a platform that nobody uses. */
import type { Drill } from '../scenario/scenario.ts'

const idleName = 'idle'
export const deepSeeds = 5
const lengthMs = 30 * 60_000
const busyPerSecond = 40

/** @param base any drill; its world and start are taken, its faults and expectations are not */
export function deepDrills(base: Drill, seeds = deepSeeds): Drill[] {
  const quiet = (name: string, title: string, seed: number, perSecond: number): Drill => ({
    ...base,
    name,
    scenario: name,
    twin: undefined,
    title,
    tags: [],
    seed,
    lengthMs,
    load:
      perSecond > 0
        ? [{ startMs: 0, endMs: lengthMs, fromPerSecond: perSecond, toPerSecond: perSecond, daily: 0 }]
        : [],
    steady: undefined,
    events: [],
    observe: [],
    expect: { alerts: {}, otherwise: 'may', logs: [], traces: [], panels: [] },
  })
  return [
    quiet(idleName, 'Nobody uses the platform', base.seed, 0),
    ...Array.from({ length: seeds }, (_, i) =>
      quiet(`quiet/${i + 1}`, 'An ordinary morning of another seed', base.seed + 1 + i, busyPerSecond),
    ),
  ]
}

export function isIdle(scenario: string): boolean {
  return scenario === idleName
}

export function isDeep(scenario: string): boolean {
  return isIdle(scenario) || scenario.startsWith('quiet/')
}
