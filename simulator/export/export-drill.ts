/** Simulates a drill and writes it as promtool tests, one file for each rule group that it is about. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { type RuleGroup, selectedMetrics } from '../alerts/load-rules.ts'
import { externalUrl } from '../drill/conclude-drill.ts'
import { DrillSimulation, drillLattice } from '../drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Drill } from '../scenario/scenario.ts'
import { latticeOf } from '../scrape/lattice.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { fitIntoPromtool } from './promtool-limits.ts'
import { cannotExport, exportGroup, SampleGrid, seriesOfGroup } from './promtool-test.ts'

export interface ExportTools {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  readonly engine: Engine
  readonly temporaryFolder: string
  readonly version: string
  readonly onProgress?: ((progress: { virtualMs: number; lengthMs: number }) => void) | undefined
}

export interface ExportedFile {
  readonly file: string
  readonly group: string
  readonly firing: readonly string[]
  /** Alerts of the group that the file is not about, with the reason. */
  readonly leftOut: readonly { readonly alert: string; readonly why: string }[]
  /** Series that stand still for the whole drill and are not in the file, because promtool can't hold them. */
  readonly stillCounters: number
  readonly bytes: number
}

export interface ExportedDrill {
  readonly drill: string
  readonly files: readonly ExportedFile[]
  readonly skipped: readonly { readonly group: string; readonly why: string }[]
  readonly gridMs: number
}

/**
 * @param folder of the tests; it exists
 * @param grid milliseconds; undefined: the lattice, half way between whose points every scrape lies as it is
 */
export async function exportDrill(
  drill: Drill,
  folder: string,
  grid: number | undefined,
  tools: ExportTools,
): Promise<ExportedDrill> {
  const { config, engine, version } = tools
  const latticeMs = drillLattice(config, tools.groups)
  const sampleGrid = new SampleGrid(grid ?? latticeMs + (latticeMs % 2), drill.startMs)
  const { halfMs } = sampleGrid
  const groups = groupsOf(drill, tools.groups)
  const skipped = groups.flatMap((group) => {
    const why = cannotExport(group, tools.groups)
    return why === undefined ? [] : [{ group: group.name, why }]
  })
  const written = groups.filter((group) => cannotExport(group, tools.groups) === undefined)
  const samples = await simulate(drill, written, latticeMs, sampleGrid, tools)
  const files: ExportedFile[] = []
  for (const group of written) {
    const sameFile = tools.groups.filter(({ file }) => file === group.file)
    const fitted = await fitIntoPromtool(group, sameFile, seriesOfGroup(group, samples), {
      engine,
      lengthMs: drill.lengthMs,
      halfMs,
      externalLabels: config.externalLabels,
      externalUrl,
    })
    if (fitted.why !== undefined) {
      skipped.push({ group: group.name, why: fitted.why })
      continue
    }
    const { series, leftOut, stillCounters } = fitted
    // promtool takes the interval of the test for subqueries without a step.
    const judge = createEmbeddedJudge(engine, { evaluationIntervalMs: group.intervalMs })
    try {
      const { text, firing } = await exportGroup(group, {
        drill,
        series,
        halfMs,
        leftOut,
        stillCounters,
        judge,
        externalLabels: config.externalLabels,
        externalUrl,
        version,
        ruleFileOf: ({ file }) => relative(resolve(folder), resolve(file)).split('\\').join('/'),
      })
      const name = `${drill.name.replaceAll('/', '--')}.${group.name.replaceAll(/[^\w.-]+/g, '-')}.test.yml`
      const file = join(folder, name)
      writeFileSync(file, text)
      files.push({ file, group: group.name, firing, leftOut, stillCounters, bytes: Buffer.byteLength(text) })
    } finally {
      await judge.close()
    }
  }
  return { drill: drill.name, files, skipped, gridMs: 2 * halfMs }
}

/**
 * Why a grid can't be used: some of its middles would be multiples of the lattice, on which evaluations lie. No grid of
 * whole milliseconds helps a lattice of an odd number of them.
 * @returns undefined when it can
 */
export function gridProblem(gridMs: number, latticeMs: number): string | undefined {
  const halfMs = gridMs / 2
  const meets = (latticeMs / latticeOf([halfMs, latticeMs])) % 2 === 1
  if (!meets || latticeMs % 2 === 1) return undefined
  const steps = Math.max(1, Math.floor(gridMs / latticeMs))
  const works = formatDurationMs((steps % 2 === 0 ? steps - 1 : steps) * latticeMs)
  const every = formatDurationMs(latticeMs)
  return `samples would lie on evaluations, where Prometheus 2 and 3 count differently; ${works} works, as every odd multiple of ${every} does`
}

/** Groups with an alert that the drill names; a drill that names none is about silence, so about all. */
function groupsOf({ expect }: Drill, groups: readonly RuleGroup[]): RuleGroup[] {
  const named = groups.filter(({ rules }) => rules.some(({ name }) => expect.alerts[name] !== undefined))
  return named.length > 0 ? named : groups.filter(({ rules }) => rules.some(({ kind }) => kind === 'alerting'))
}

async function simulate(
  drill: Drill,
  groups: readonly RuleGroup[],
  latticeMs: number,
  grid: SampleGrid,
  { config, engine, temporaryFolder, onProgress }: ExportTools,
) {
  const metrics = selectedMetrics(groups)
  mkdirSync(temporaryFolder, { recursive: true })
  const folder = mkdtempSync(join(temporaryFolder, 'export-'))
  const simulation = new DrillSimulation(drill, {
    config,
    latticeMs,
    prometheusVersion: engine.version,
    selects: (metric) => metrics?.has(metric) ?? true,
    folder,
    onProgress,
  })
  try {
    await simulation.run(async (batch) => grid.add(batch))
    return grid.series()
  } finally {
    simulation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
