/** `firedrill list`: the scenarios, what each breaks and what it proves. */
import type { Command } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { findFault } from '../faults/index.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'
import { collect, type Start } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems } from './set-up.ts'

export interface ListOptions {
  readonly json: boolean
  readonly tag: readonly string[]
}

/** Defines the command on the command line. */
export function addListCommand(program: Command, start: Start): void {
  program
    .command('list')
    .description('scenarios, what each breaks and proves')
    .option('--tag <tag>', 'only scenarios with this tag; repeatable', collect, [])
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText('after', '\nExamples:\n  $ firedrill list\n  $ firedrill list --tag critical --json')
    .action((options: ListOptions) => start((context) => listCommand(options, context)))
}

/** @returns the exit code */
export async function listCommand(options: ListOptions, context: CommandContext): Promise<number> {
  const { console } = context
  const selected = selectDrills(
    { names: [], all: true, tags: [], twins: true },
    scenariosFolder(context.cwd),
    undefined,
  )
  const long = selectDrills(
    { names: [], all: true, tags: ['long'], twins: true },
    scenariosFolder(context.cwd),
    undefined,
  )
  const drills = [
    ...selected.drills,
    ...long.drills.filter(({ name }) => !selected.drills.some((one) => one.name === name)),
  ]
  const scenarios = drills
    .filter(({ twin, tags }) => twin === undefined && options.tag.every((tag) => tags.includes(tag)))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((drill) => describe(drill, drills))
  if (options.json) {
    console.out(JSON.stringify({ format: 1, scenarios, problems: selected.problems }, undefined, 2))
  } else {
    for (const [i, one] of scenarios.entries()) {
      if (i > 0) console.out('')
      const length = formatDuration(one.virtualSeconds * 1000)
      console.out(`${console.paint.bold(one.scenario)}  ${console.paint.dim(`${length}, ${one.tags.join(', ')}`)}`)
      console.out(`  ${one.title}`)
      for (const fault of one.breaks) console.out(`  breaks  ${fault.description} (${fault.fault})`)
      for (const line of provesLines(one)) console.out(`  proves  ${line}`)
      if (one.twins.length > 0) console.out(`  twins   ${one.twins.join(', ')}`)
    }
  }
  if (selected.problems.length === 0) return exitCodes.held.code
  if (!options.json) printProblems(selected.problems, context)
  return exitCodes.invalid.code
}

function describe(drill: Drill, all: readonly Drill[]) {
  return {
    scenario: drill.name,
    title: drill.title,
    file: drill.file,
    tags: drill.tags,
    seed: drill.seed,
    virtualSeconds: drill.lengthMs / 1000,
    breaks: drill.events.map(({ id, fault, params }) => ({
      id,
      fault,
      description: findFault(fault)!.describe(params),
    })),
    proves: alertsExpected(drill, 'fires'),
    pendingOnly: alertsExpected(drill, 'pending-only'),
    twins: all.flatMap(({ scenario, twin }) => (scenario === drill.scenario && twin !== undefined ? twin : [])),
  }
}

function alertsExpected(drill: Drill, wanted: 'fires' | 'pending-only'): string[] {
  return Object.entries(drill.expect.alerts).flatMap(([name, { kind }]) => (kind === wanted ? name : []))
}

/** A drill in which nothing is to happen proves that, too. */
function provesLines({ proves, pendingOnly }: ReturnType<typeof describe>): string[] {
  const lines = [
    ...(proves.length > 0 ? [proves.join(', ')] : []),
    ...(pendingOnly.length > 0 ? [`${pendingOnly.join(', ')} pending, never firing`] : []),
  ]
  return lines.length > 0 ? lines : ['silence']
}
