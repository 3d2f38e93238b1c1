/**
 * `npm run bench`: figures, each as a ratio against named comparators that are measured in the same run on the same
 * machine. Speed is measured here and nowhere else: no test fails because a machine is busy.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { loadSetup } from '../../simulator/drill/drill-setup.ts'
import { compileEngine, startEngine } from '../../simulator/judge/embedded/load-engine.ts'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { coldFigure, judgesFigure, runAllFigure } from './command-figures.ts'
import { drillFigure } from './drill-figure.ts'
import { type Bench, type Figure, isMissed, type Measured } from './figure.ts'
import { findingsFigure } from './findings-figure.ts'
import { kernelFigure } from './kernel-figure.ts'
import { liveServiceFigure, metricsEndpointFigure, tracingFigure } from './live-service-figures.ts'
import { liveSpeedFigure } from './live-speed-figure.ts'
import { largestFigure, memoryFigure } from './memory-figure.ts'
import { moduleFigure } from './module-figure.ts'
import { mutantsFigure } from './mutants-figure.ts'
import { panelFigure } from './panel-figure.ts'
import { platformFigure } from './platform-figure.ts'
import { promtoolFigure } from './promtool-figure.ts'
import { lokiSinkFigure, traceSinkFigure } from './sink-figures.ts'

const figures: readonly Figure[] = [
  kernelFigure,
  platformFigure,
  drillFigure,
  promtoolFigure,
  moduleFigure,
  memoryFigure,
  largestFigure,
  panelFigure,
  findingsFigure,
  mutantsFigure,
  coldFigure,
  runAllFigure,
  judgesFigure,
  liveServiceFigure,
  metricsEndpointFigure,
  tracingFigure,
  lokiSinkFigure,
  traceSinkFigure,
  liveSpeedFigure,
]

interface Options {
  readonly only: readonly string[]
  readonly json: boolean
}

const program = new Command('npm run bench --')
  .description('Measures figures, each as a ratio against named comparators of the same run.')
  .addOption(
    new Option('--only <name>', 'only this figure; repeatable')
      .choices(figures.map(({ name }) => name))
      .argParser(chooseFigure)
      .default([], 'all'),
  )
  .option('--json', 'print one JSON object instead of text', false)
  .addHelpText(
    'after',
    `
Figures:
${figures.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join('\n')}

Examples:
  $ npm run bench
  $ npm run bench -- --only kernel --only cold`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

const options = program.opts<Options>()
const folder = mkdtempSync(join(tmpdir(), 'firedrill-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const bench = await createBench(folder)
const chosen = figures.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
const results: (Measured & { name: string; title: string; missed: boolean })[] = []
if (!options.json) {
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`
  process.stdout.write(`${machine}; targets are for two quiet cores\n`)
}
for (const figure of chosen) {
  const measured = await figure.measure(bench)
  const result = { name: figure.name, title: figure.title, ...measured, missed: isMissed(measured) }
  results.push(result)
  if (!options.json) process.stdout.write(`\n${textOf(result)}\n`)
}
if (options.json) process.stdout.write(`${JSON.stringify({ format: 1, figures: results }, undefined, 2)}\n`)
process.exit(0)

async function createBench(folder: string): Promise<Bench> {
  const engine = await startEngine(await compileEngine())
  const configFile = join(packageRoot(), 'observability', 'prometheus', 'prometheus.yml')
  const environment = { ...process.env, ENVIRONMENT: 'bench' }
  const { loaded, problems } = loadSetup({ configFile, rulePatterns: undefined, environment }, engine)
  if (!loaded) throw new Error(problems.map(({ message }) => message).join('\n'))
  return {
    engine,
    config: loaded.config,
    groups: loaded.groups,
    folder,
    prometheus: findBinary('prometheus', process.env)?.path,
    promtool: findBinary('promtool', process.env)?.path,
  }
}

function chooseFigure(name: string, before: readonly string[]): string[] {
  const names = figures.map((figure) => figure.name)
  if (!names.includes(name)) throw new InvalidArgumentError(`There are ${names.join(', ')}.`)
  return [...before, name]
}

function textOf({ name, title, value, unit, target, comparisons, missed, profile }: (typeof results)[number]): string {
  const wanted = target ? `, wanted ${'least' in target ? `at least ${target.least}` : `at most ${target.most}`}` : ''
  const lines = [`${name}: ${title}`, `  ${missed ? '✗' : '✓'} ${short(value)} ${unit}${wanted}`]
  for (const { to, ratio } of comparisons) {
    lines.push(ratio === undefined ? `    not compared with ${to}` : `    ${short(ratio)} x ${to}`)
  }
  if (missed && profile) lines.push(`    missed; to see where it goes: ${profile}`)
  return lines.join('\n')
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
