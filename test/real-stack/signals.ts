/** Simulates a shipped drill without judging it, and gives its signals. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DrillSimulation, drillLattice } from '../../simulator/drill/simulate-drill.ts'
import type { SpanRecord } from '../../simulator/drill/span-record.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { shippedSetup } from '../drill/run-scenario.ts'

export interface Signals {
  readonly logs: readonly Record<string, unknown>[]
  readonly spans: readonly SpanRecord[]
  readonly samples: readonly SeriesSamples[]
}

export async function simulate(drill: Drill): Promise<Signals> {
  const { config, groups } = await shippedSetup()
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-signals-'))
  const simulation = new DrillSimulation(drill, {
    config,
    latticeMs: drillLattice(config, groups),
    prometheusVersion: '3.16.0',
    selects: () => true,
    folder,
  })
  try {
    const samples: SeriesSamples[] = []
    const { evidence } = await simulation.run(async (batch) => void samples.push(...batch))
    const logs: Record<string, unknown>[] = []
    for await (const record of evidence.logs()) logs.push(record)
    const spans: SpanRecord[] = []
    for await (const span of evidence.spans()) spans.push(span)
    return { logs, spans, samples }
  } finally {
    simulation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
