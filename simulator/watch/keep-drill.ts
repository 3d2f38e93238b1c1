/**
 * One drill under `--watch`: its stream and what was judged of it are kept in a folder. Simulates only when something
 * changed that the simulation sees, and judges only what changed.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { parse } from 'yaml'
import { type DrillParts, noParts } from '../drill/drill-parts.ts'
import { openRecord, recordDrill, surveyRecord } from '../drill/drill-record.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { judgeAgain } from '../drill/judge-again.ts'
import type { JudgeDrillOptions } from '../drill/run-drill.ts'
import { drillLattice } from '../drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface KeptDrill {
  readonly result: DrillResult
  readonly simulated: boolean
  /** What was evaluated: names of rules, and titles of panels. */
  readonly rules: readonly string[]
  readonly panels: readonly string[]
}

export interface KeepOptions extends JudgeDrillOptions {
  readonly engine: Engine
  readonly onProgress?: (progress: { virtualMs: number }) => void
}

interface Kept {
  /** Of what the simulation sees. */
  readonly key: string
  readonly parts: DrillParts
}

const keptFile = 'judged.bin'

/** @param folder of this drill alone; made when it is not there */
export async function keepDrill(drill: Drill, folder: string, options: KeepOptions): Promise<KeptDrill> {
  const { engine, config, groups } = options
  const latticeMs = drillLattice(config, groups)
  const key = simulationKey(drill, config.file, latticeMs, engine.version)
  const kept = readKept(folder)
  const simulated = kept?.key !== key
  if (simulated) {
    rmSync(folder, { recursive: true, force: true })
    const { onProgress } = options
    const { version: prometheusVersion } = engine
    await recordDrill(drill, folder, { config, latticeMs, prometheusVersion, selects: () => true, onProgress })
  }
  const record = openRecord(folder)
  const judge = createEmbeddedJudge(engine, { evaluationIntervalMs: config.evaluationIntervalMs })
  try {
    const known = simulated ? noParts : kept.parts
    const { result, parts, rules, panels } = await judgeAgain(record, folder, drill, options, judge, known)
    writeFileSync(join(folder, keptFile), serialize({ key, parts } satisfies Kept))
    return { result: { ...result, survey: surveyRecord(record, groups, config) }, simulated, rules, panels }
  } finally {
    await judge.close()
  }
}

function readKept(folder: string): Kept | undefined {
  const file = join(folder, keptFile)
  return existsSync(file) ? (deserialize(readFileSync(file)) as Kept) : undefined
}

/** Everything that the simulation sees: the scenario without what it expects, and how the platform is scraped. */
function simulationKey(drill: Drill, configFile: string, latticeMs: number, version: string): string {
  const { title: _, tags, file, steady, expect, ...simulated } = drill
  const { global = {}, scrape_configs } = parse(readFileSync(configFile, 'utf8')) as {
    global?: Record<string, unknown>
    scrape_configs?: unknown
  }
  const { external_labels, evaluation_interval, rule_query_offset, ...scraping } = global
  const seen = JSON.stringify([simulated, scraping, scrape_configs, latticeMs, version])
  return createHash('sha256').update(seen).digest('base64url')
}
