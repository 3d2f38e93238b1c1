/**
 * Every example of docs/faults.md is played: the fault does what it declares to change. And without it nothing of that
 * changes, so that seeing the change proves the fault.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import type { EffectResult } from '../../simulator/drill/drill-result.ts'
import { EffectWitness, witnessedWorld } from '../../simulator/drill/effect-witness.ts'
import { DrillSimulation } from '../../simulator/drill/simulate-drill.ts'
import { faults } from '../../simulator/faults/index.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { VirtualWorld } from '../../simulator/world/virtual-world.ts'
import { blocks } from '../docs/documentation.ts'
import { shippedSetup } from '../drill/run-scenario.ts'

interface Example {
  readonly id: string
  readonly fault: string
  readonly hold?: string
}

const examples = blocks()
  .filter(({ place, language }) => place.startsWith('docs/faults.md') && language === 'yaml')
  .flatMap(({ text }) => parse(text) as Example[])

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-effects-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the examples are of all faults', () => {
  expect(new Set(examples.map(({ fault }) => fault))).toEqual(new Set(faults.map(({ name }) => name)))
})

describe('a fault visibly changes what it declares', () => {
  test.each(examples)('$fault ($id)', async (example) => {
    const minutes = 9 + Number.parseInt(example.hold ?? '3m', 10)
    const [effect] = await play(drillWith([example], minutes))
    expect(effect!.detail, `seen of ${example.fault}`).not.toBe('')
    expect(effect).toMatchObject({ event: example.id, ok: true })
  })
})

describe('without the fault nothing of that changes', () => {
  let effects: readonly EffectResult[]
  beforeAll(async () => {
    effects = await watchWithoutFaults(drillWith(examples, 50))
  })

  test.each(examples)('$fault ($id)', ({ id }) => {
    const effect = effects.find(({ event }) => event === id)!
    expect(effect, effect.detail).toMatchObject({ ok: false })
  })
})

function drillWith(events: readonly Example[], minutes: number): Drill {
  const file = join(folder, `${events.length}-${events[0]!.id}.yaml`)
  const scenario = {
    format: 1,
    scenario: 'effects',
    title: 'One fault on an ordinary morning',
    clock: { length: `${minutes}m` },
    world: 'recommender-small',
    load: [{ perSecond: 10 }],
    events,
  }
  writeFileSync(file, stringify(scenario))
  const { drills, problems } = loadScenario(file, { worldsFolder: join(packageRoot(), 'scenarios', 'worlds') })
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'))
  return drills[0]!
}

/** Nobody scrapes: effects are read from the platform itself. */
async function play(drill: Drill): Promise<readonly EffectResult[]> {
  const { config } = await shippedSetup()
  const simulation = new DrillSimulation(drill, {
    config: { ...config, jobs: [] },
    latticeMs: 15_000,
    prometheusVersion: '3.0.0',
    selects: () => false,
    folder,
  })
  const { effects } = await simulation.run(async () => {})
  simulation.close()
  return effects
}

async function watchWithoutFaults(drill: Drill): Promise<readonly EffectResult[]> {
  const world = new VirtualWorld({
    world: drill.world,
    seed: drill.seed,
    startMs: drill.startMs,
    load: drill.load,
    onLogLine() {},
    onSpan() {},
    prometheus: { version: '3.0.0', headSeries: () => 0, samplesAppended: () => 0 },
  })
  const witness = new EffectWitness(witnessedWorld(world), drill)
  world.start()
  witness.start()
  await world.kernel.runUntil(drill.lengthMs)
  return witness.results()
}
