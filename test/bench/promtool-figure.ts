/**
 * A day of a thousand series judged twice: by `promtool test rules` on the files that `firedrill export promtool` writes, and by
 * the embedded judge on the same samples. promtool passes a file only when its verdicts are those that stand in it, which are
 * the embedded judge's.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { loadRules, type RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { fitIntoPromtool, type HeldGroup } from '../../simulator/export/promtool-limits.ts'
import {
  cannotExport,
  exportGroup,
  type GridSeries,
  judgeGroup,
  SampleGrid,
  seriesOfGroup,
} from '../../simulator/export/promtool-test.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import { compileEngine, startEngine } from '../../simulator/judge/embedded/load-engine.ts'
import type { Judge } from '../../simulator/judge/judge.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { promtoolTest, simulate } from './bench-drills.ts'
import type { Bench, Figure } from './figure.ts'
import { timed } from './figure.ts'

const hours = 24
const lengthMs = hours * 3_600_000
const gridMs = 15_000
const halfMs = gridMs / 2
/** The platform as often as it takes, told apart by the instance, for this many series. */
const seriesWanted = 1_000
const externalUrl = 'http://localhost:9090'

interface Exported {
  readonly group: RuleGroup
  readonly fitted: HeldGroup
  readonly file: string
}

export const promtoolFigure: Figure = {
  name: 'promtool',
  title: `promtool test rules on exported files, ${hours} h of ${seriesWanted} series each 15 s, against the embedded judge`,
  async measure(bench) {
    const { promtool } = bench
    if (!promtool) return { value: Number.NaN, unit: 'promtool is not installed', comparisons: [] }
    const series = await dayOfSeries(bench)
    const exported = await exportAll(series, bench)
    const byPromtool = await timed(() =>
      testAll(
        promtool,
        exported.map(({ file }) => file),
      ),
    )
    const reading = await testAll(
      promtool,
      exported.map(({ file }) => withoutRules(file)),
    )
    // The module is compiled and started anew, as for a command that does nothing else.
    const alike = await timed(() => judgeAll(exported, bench))
    const everyOffset = await timed(() => judgeAll(exported, bench, drillLattice(bench.config, bench.groups)))
    const judged = exported.flatMap(({ group, fitted: { leftOut } }) =>
      group.rules.filter(({ kind, name }) => kind === 'alerting' && !leftOut.some(({ alert }) => alert === name)),
    )
    return {
      value: byPromtool.result / alike.processorSeconds,
      unit: `times the processor time of the embedded judge, for ${judged.length} alerts on ${series.length} series; verdicts equal`,
      target: { least: 8 },
      comparisons: [
        { to: 'the embedded judge, by the clock', ratio: byPromtool.seconds / alike.seconds },
        {
          to: 'the embedded judge, without the time in which promtool reads its files',
          ratio: (byPromtool.result - reading) / alike.processorSeconds,
        },
        {
          to: 'the embedded judge at every offset, as drills have it',
          ratio: byPromtool.result / everyOffset.processorSeconds,
        },
      ],
      profile: 'node --cpu-prof dist/test/bench/main.js --only promtool',
    }
  },
}

/** @returns seconds of processor time */
async function testAll(promtool: string, files: readonly string[]): Promise<number> {
  let seconds = 0
  for (const file of files) seconds += await promtoolTest(promtool, file)
  return seconds
}

/** Four incidents, so that there are verdicts to compare; at few requests, for what is measured is the judging. */
const scenario = `format: 1
scenario: day-of-incidents
title: A day with four incidents
clock: { start: 2026-01-05T00:00:00Z, length: ${hours}h }
world: recommender-small
load: [{ perSecond: 2, daily: 0.5 }]
events:
  - { id: deploy, at: 3h, fault: code.errors, target: { service: backend-api }, ratio: 0.3, hold: 30m }
  - { id: outage, at: 8h, fault: dependency.outage, target: { dependency: redis }, hold: 15m }
  - { id: saturation, at: 13h, fault: cpu.saturation, target: { container: data-pipeline }, share: 0.9, hold: 40m }
  - { id: crash, at: 19h, fault: service.crash, target: { service: data-pipeline }, hold: 10m }
expect: {}
`

function dayOfIncidents(folder: string): Drill {
  const file = join(folder, 'day-of-incidents.yaml')
  writeFileSync(file, scenario)
  const { drills, problems } = loadScenario(file, { worldsFolder: join(packageRoot(), 'scenarios', 'worlds') })
  if (!drills[0]) throw new Error(problems.map(({ message }) => message).join('\n'))
  return drills[0]
}

/** The day once, and its series again with other instances. */
async function dayOfSeries(bench: Bench): Promise<GridSeries[]> {
  const drill = dayOfIncidents(bench.folder)
  const grid = new SampleGrid(gridMs, drill.startMs)
  await simulate(drill, bench, (batch) => grid.add(batch))
  const ofOne = grid.series()
  const platforms = Math.ceil(seriesWanted / ofOne.length)
  return Array.from({ length: platforms }, (_, i) =>
    ofOne.map(({ labels, values }) => ({ labels: { ...labels, instance: `${labels.instance}-${i + 1}` }, values })),
  ).flat()
}

async function exportAll(series: readonly GridSeries[], bench: Bench): Promise<Exported[]> {
  const { engine, config, folder } = bench
  const out = join(folder, 'promtool')
  mkdirSync(out, { recursive: true })
  const groups = groupsAlone(out, bench)
  const exported: Exported[] = []
  for (const group of groups.filter((one) => cannotExport(one, groups) === undefined)) {
    const sameFile = groups.filter(({ file }) => file === group.file)
    const own = seriesOfGroup(group, series)
    const limits = { engine, lengthMs, halfMs, externalLabels: config.externalLabels, externalUrl }
    const fitted = await fitIntoPromtool(group, sameFile, own, limits)
    if (fitted.why !== undefined) continue
    const { text } = await withJudge(engine, group, (judge) =>
      exportGroup(group, {
        ...fitted,
        drill: { name: 'day-of-incidents', title: 'A day with four incidents', seed: 42, lengthMs },
        halfMs,
        judge,
        externalLabels: config.externalLabels,
        externalUrl,
        ruleFileOf: ({ file }) => file,
        version: 'bench',
      }),
    )
    const file = join(out, `${group.name}.test.yml`)
    writeFileSync(file, text)
    exported.push({ group, fitted, file })
  }
  return exported
}

/** A file for each group: promtool evaluates every group of a file, also those that a test is not about. */
function groupsAlone(folder: string, { engine, config }: Bench): readonly RuleGroup[] {
  const all = config.ruleFiles.flatMap(
    (file) => (parse(readFileSync(file, 'utf8')) as { groups: { readonly name: string }[] }).groups,
  )
  const files = all.map((group) => {
    const path = join(folder, `${group.name}.yml`)
    const text = stringify({ groups: [group] })
    writeFileSync(path, text)
    return { path, text }
  })
  return loadRules(files, engine, config.evaluationIntervalMs).groups
}

/** From nothing to verdicts and texts, as promtool has to do it: compile, start, load the samples, evaluate. */
async function judgeAll(exported: readonly Exported[], { config }: Bench, latticeMs?: number): Promise<void> {
  const engine = await startEngine(await compileEngine())
  for (const { group, fitted } of exported) {
    await withJudge(engine, group, (judge) =>
      judgeGroup(group, {
        ...fitted,
        drill: { lengthMs },
        halfMs,
        judge,
        ...(latticeMs && { latticeMs }),
        externalLabels: config.externalLabels,
        externalUrl,
      }),
    )
  }
}

async function withJudge<T>(engine: Engine, { intervalMs }: RuleGroup, work: (judge: Judge) => Promise<T>): Promise<T> {
  const judge = createEmbeddedJudge(engine, { evaluationIntervalMs: intervalMs })
  try {
    return await work(judge)
  } finally {
    await judge.close()
  }
}

/** The same series with no rule and nothing to ask. */
function withoutRules(file: string): string {
  const text = readFileSync(file, 'utf8')
  const bare = file.replace('.test.yml', '.bare.yml')
  const withoutTests = text.slice(0, text.lastIndexOf('    alert_rule_test:'))
  writeFileSync(bare, withoutTests.replace(/^rule_files:\n {2}- .*$/m, 'rule_files: []'))
  return bare
}
