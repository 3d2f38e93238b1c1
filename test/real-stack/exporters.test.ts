import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DrillSimulation, drillLattice } from '../../simulator/drill/simulate-drill.ts'
import type { VirtualWorld } from '../../simulator/world/virtual-world.ts'
import { shippedDrill, shippedSetup } from '../drill/run-scenario.ts'
import {
  type RunningServer,
  startNodeExporter,
  startPostgresWithExporter,
  startRedisWithExporter,
  whyMissing,
} from './servers.ts'

interface Family {
  readonly type: string
  readonly labels: ReadonlySet<string>
}

type Families = ReadonlyMap<string, Family>

/** What the simulated exporters show beyond the real ones, each on purpose. */
const additions: Readonly<Record<string, string>> = {
  redis_used_memory_bytes: 'the name in the platform catalogue; the real name stands beside it',
}

const exporters = [
  { process: 'node-exporter', needs: ['node-exporter'], start: startNodeExporter },
  { process: 'postgres-exporter', needs: ['postgresql', 'postgres-exporter'], start: startPostgresWithExporter },
  { process: 'redis-exporter', needs: ['redis', 'redis-exporter'], start: startRedisWithExporter },
] as const

let world: VirtualWorld
let folder: string
let simulation: DrillSimulation

beforeAll(async () => {
  const { config, groups } = await shippedSetup()
  folder = mkdtempSync(join(tmpdir(), 'firedrill-exporters-'))
  simulation = new DrillSimulation(
    { ...shippedDrill('steady-state'), lengthMs: 180_000 },
    { config, latticeMs: drillLattice(config, groups), prometheusVersion: '3.16.0', selects: () => true, folder },
  )
  await simulation.run(async () => {})
  world = simulation.world
})
afterAll(() => {
  simulation?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(exporters)('the simulated $process', ({ process, needs, start }) => {
  const reason = whyMissing(...needs)

  test.skipIf(reason)(
    `shows only what the real one shows: names, types, labels${reason ? ` (skipped: ${reason})` : ''}`,
    async () => {
      const server: RunningServer = await start()
      let real: Families
      try {
        real = familiesOf(await (await fetch(`${server.url}/metrics`)).text())
      } finally {
        await server.stop()
      }
      const differences: string[] = []
      const simulated = await simulatedFamilies(process)
      for (const [name, { type, labels }] of simulated) {
        const other = real.get(name)
        if (name in additions) continue
        if (!other) {
          differences.push(`${name}: the real exporter has no such metric`)
          continue
        }
        if (other.type !== type) differences.push(`${name}: ${type}, really ${other.type}`)
        for (const label of labels) {
          if (!other.labels.has(label))
            differences.push(`${name}: label ${label} is not there, really ${[...other.labels].join(', ')}`)
        }
      }
      expect(differences).toEqual([])
      expect(simulated.size).toBeGreaterThan(3)
    },
  )
})

async function simulatedFamilies(name: string): Promise<Families> {
  const { life, program } = world.process(name)
  program!.beforeScrape?.()
  return familiesOf(await life!.registry.metrics())
}

/** Reads the text format as far as the comparison needs it. */
function familiesOf(text: string): Families {
  const types = new Map<string, string>()
  const labels = new Map<string, Set<string>>()
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)/.exec(line)
    if (type) types.set(type[1]!, type[2]!)
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line)
    if (!sample) continue
    const family =
      [sample[1]!, sample[1]!.replace(/_(bucket|sum|count)$/, '')].find((name) => types.has(name)) ?? sample[1]!
    const names = labels.get(family) ?? new Set<string>()
    labels.set(family, names)
    for (const match of (sample[2] ?? '').matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) names.add(match[1]!)
  }
  return new Map([...labels].map(([name, names]) => [name, { type: types.get(name) ?? 'untyped', labels: names }]))
}
