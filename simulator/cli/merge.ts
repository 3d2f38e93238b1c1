/** `firedrill merge`: joins the shards of a run into what the whole run would have said and written. */
import { type Command, Option } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import type { Drill } from '../scenario/scenario.ts'
import { addCiOptions } from './ci-outputs.ts'
import { concludeRun, type ReportingOptions } from './conclude-run.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printDashboardProblems, printProblems, setUp } from './set-up.ts'
import { unshard } from './shard.ts'
import { readShards } from './shard-file.ts'

export type MergeOptions = ReportingOptions

/** Defines the command on the command line. */
export function addMergeCommand(program: Command, start: Start): void {
  const command = program
    .command('merge')
    .description('join the shards of a run (run --shard I/N --report DIR) into the report of the whole run')
    .argument('<path...>', 'folders with the reports of the shards, or their shard-I-of-N.json')
    .option('--report <dir>', 'write firedrill.json and junit.xml there')
    .option('--junit <file>', 'write JUnit XML')
    .option('--json', 'print one JSON object instead of text', false)
    .addOption(
      new Option('--fail-on <severity>', 'exit 7 on a finding of this severity').choices(['info', 'warning', 'error']),
    )
    .addOption(
      new Option('--findings <which>', 'which findings to print')
        .choices(['important', 'all', 'none'])
        .default('important'),
    )
  addCiOptions(command)
    .addHelpText('after', '\nExamples:\n  $ firedrill merge shards --report out --junit out.xml')
    .action((paths: string[], options: MergeOptions) => start((context) => mergeCommand(paths, options, context)))
}

/** @returns the exit code, that of the whole run */
export async function mergeCommand(
  paths: readonly string[],
  options: MergeOptions,
  context: CommandContext,
): Promise<number> {
  const startedMs = context.wallClock()
  const { shards, problems } = readShards(paths)
  for (const problem of problems) context.console.err(problem)
  if (problems.length > 0) return exitCodes.invalid.code
  // The files that the run was made with are needed again: findings and coverage speak of them.
  const files = shards[0]!.options
  const set = await setUp(files, context)
  if (set.problems.length > 0 || !set.loaded) {
    printProblems(set.problems, context)
    return exitCodes.invalid.code
  }
  const all = unshard(shards.map(({ results }) => results))
  const { drills, scenarios } = placesInScenarios(
    all.map(({ scenario }) => scenario),
    context,
  )
  const dashboardCode = printDashboardProblems(set.loaded.dashboardProblems, context)
  const { leftOut } = selectDrills(
    { names: [], all: true, tags: [], twins: true },
    scenariosFolder(context.cwd),
    undefined,
  )
  const run = { set, drills, scenarios, all, interrupted: false, startedMs, dashboardCode, leftOut, isWhole: true }
  // Drills are repeated as they were run: with the judge that the shards were asked for, not the default of this command.
  const judge = files.judge ?? 'embedded'
  return concludeRun(run, { ...files, ...options, judge }, context)
}

/** Where the scenarios of the run stand, as far as they are known here: annotations point there. */
function placesInScenarios(names: readonly string[], context: CommandContext) {
  const selection = { names, all: false, tags: [], twins: true }
  const { drills, loaded } = selectDrills(selection, scenariosFolder(context.cwd), undefined)
  return { drills: drills as readonly Drill[], scenarios: loaded }
}
