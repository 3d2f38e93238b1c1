/** Drills that only findings ask for (`--deep`): quiet mornings over several seeds, and a platform that nobody uses any more. */
import type { Drill } from '../scenario/scenario.ts'

const idleName = 'idle'
export const deepSeeds = 5
const lengthMs = 30 * 60_000
const busyPerSecond = 40
/** Until then the idle platform was used. */
export const idleFromMs = 8 * 60_000

/** @param base any drill; its world and start are taken, its faults and expectations are not */
export function deepDrills(base: Drill, seeds = deepSeeds): Drill[] {
  const quiet = (name: string, title: string, seed: number, perSecond: number) =>
    quietDrill(base, { name, title, seed, perSecond, lengthMs })
  return [
    {
      ...quiet(idleName, 'Nobody uses the platform any more', base.seed, busyPerSecond),
      // Series must be there before they can stand still.
      load: [stageOf(busyPerSecond, 0, idleFromMs), stageOf(0, idleFromMs, lengthMs)],
    },
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

/** Long enough for two scrapes of every target. */
const surveyMs = 60_000

/** A minute in which everything that the platform exposes is scraped. */
export function surveyDrillOf(base: Drill): Drill {
  const title = 'What the platform exposes'
  return quietDrill(base, { name: 'survey', title, seed: base.seed, perSecond: 20, lengthMs: surveyMs })
}

interface Quiet {
  readonly name: string
  readonly title: string
  readonly seed: number
  readonly perSecond: number
  readonly lengthMs: number
}

function quietDrill(base: Drill, { name, title, seed, perSecond, lengthMs: endMs }: Quiet): Drill {
  return {
    ...base,
    name,
    scenario: name,
    twin: undefined,
    title,
    tags: [],
    seed,
    lengthMs: endMs,
    load: [stageOf(perSecond, 0, endMs)],
    steady: undefined,
    events: [],
    observe: [],
    expect: { alerts: {}, otherwise: 'may', logs: [], traces: [], panels: [] },
  }
}

function stageOf(perSecond: number, startMs: number, endMs: number): Drill['load'][number] {
  return { startMs, endMs, fromPerSecond: perSecond, toPerSecond: perSecond, daily: 0 }
}
