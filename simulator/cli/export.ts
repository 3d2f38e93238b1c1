/** `firedrill export`: drills as files for other tools. */
import { mkdirSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { formatDurationMs, parseDurationMs } from '../../services/runtime/duration.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { drillLattice } from '../drill/simulate-drill.ts'
import { gridProblem } from '../export/export-drill.ts'
import { stillCountersText } from '../export/promtool-test.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start, wholeNumber } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUpOptions, setUp } from './set-up.ts'
import { withJobPool } from './with-job-pool.ts'

export interface ExportOptions extends SetUpOptions {
  readonly out: string
  readonly grid?: number
  readonly twins: boolean
  readonly seed?: number
  readonly workers?: number
}

/** Defines the command on the command line. */
export function addExportCommand(program: Command, start: Start): void {
  const command = program.command('export').description('write drills as files for other tools')
  command
    .command('promtool')
    .description('write drills as files for promtool test rules, one for each rule group that a drill is about')
    .argument('[scenario...]', 'file, name, or name/twin; all but the long ones when left out')
    .requiredOption('--out <dir>', 'folder for the files')
    .option(
      '--grid <duration>',
      'move samples half way between multiples of this, for smaller files (default: exact)',
      duration,
    )
    .option('--no-twins', 'leave the twins out')
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill export promtool service-down --out promtool-tests
  $ promtool test rules promtool-tests/*.test.yml`,
    )
    .action((names: string[], options: ExportOptions) => start((context) => exportCommand(names, options, context)))
}

/** @returns the exit code */
export async function exportCommand(
  names: readonly string[],
  options: ExportOptions,
  context: CommandContext,
): Promise<number> {
  const { console, version } = context
  const set = await setUp(options, context)
  const selection = { names, all: names.length === 0, tags: [], twins: options.twins }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), undefined)
  const problems = [...set.problems, ...selected.problems]
  printUnknown(selected.unknown, context)
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length + selected.unknown.length > 0) return exitCodes.invalid.code
  const wrongGrid =
    options.grid && set.loaded && gridProblem(options.grid, drillLattice(set.loaded.config, set.loaded.groups))
  if (wrongGrid) {
    console.err(`--grid ${formatDurationMs(options.grid!)}: ${wrongGrid}`)
    return exitCodes.invalid.code
  }
  mkdirSync(options.out, { recursive: true })
  return withJobPool(set, options.workers, context, async (pool) => {
    let done = 0
    const exported = await Promise.all(
      selected.drills.map(async (drill) => {
        const seeded = { ...drill, seed: options.seed ?? drill.seed }
        const job = { type: 'export', drill: seeded, folder: options.out, gridMs: options.grid, version } as const
        const result = await pool.do(job)
        done += 1
        console.progress(`${done}/${selected.drills.length} drills`)
        return result
      }),
    )
    console.progress('')
    for (const { drill, files, skipped } of exported) {
      for (const { file, group, firing, leftOut, stillCounters, bytes } of files) {
        const what = firing.length > 0 ? `${firing.join(', ')} fires` : 'silent'
        console.out(`${file}  ${console.paint.dim(`group ${group}, ${Math.ceil(bytes / 1024)} KiB`)}  ${what}`)
        if (stillCounters > 0) console.err(`${file}: left out: ${stillCountersText(stillCounters)}`)
        for (const { alert, why } of leftOut) console.err(`${file}: ${alert} is left out: ${why}`)
      }
      for (const { group, why } of skipped) console.err(`${drill}: group ${group} is left out: ${why}`)
    }
    return exitCodes.held.code
  })
}

function duration(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms < 2 || ms % 2 !== 0) {
    throw new InvalidArgumentError('It must be a duration of an even number of milliseconds, for example 15s.')
  }
  return ms
}
