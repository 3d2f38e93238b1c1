/** `firedrill coverage`: which rules and panels the drills prove. Runs the drills, or reads what an earlier run found. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { coverageOfPanels, coverageOfRules } from '../report/coverage.ts'
import { type Coverage, coverageHtml, coverageLines, coverageShares, isBelow } from '../report/coverage-summary.ts'
import type { RunReport } from '../report/json.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  chooseJudge,
  drillSetupOf,
  panelNameProblems,
  printDashboardProblems,
  printProblems,
  printUnknown,
  type SetUpOptions,
  setUp,
} from './set-up.ts'
import { WorkerPool } from './worker-pool.ts'

export interface CoverageOptions extends SetUpOptions {
  /** Folder (or file) of an earlier run with --report. */
  readonly from?: string
  readonly json: boolean
  readonly html?: string
  readonly failUnder?: number
  readonly long?: boolean
  readonly workers?: number
}

/** Defines the command on the command line. */
export function addCoverageCommand(program: Command, start: Start): void {
  program
    .command('coverage')
    .description('which rules and panels the drills prove')
    .argument('[scenario...]', 'file or name; all but the long ones when left out')
    .option('--from <dir>', 'read the firedrill.json of an earlier run instead of running drills')
    .option('--long', 'also run the drills that take long', false)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--dashboards <dir>', 'dashboards to judge (default: observability/grafana/dashboards)')
    .option('--no-dashboards', 'judge no dashboards')
    .option('--fail-under <percent>', 'exit 7 when fewer rules, or fewer panels, are proven', percentage)
    .option('--html <file>', 'also write a page of HTML')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
A rule is proven when it fires inside its window, its near misses and the drill without the fault stay silent,
it recovers, and its text is complete. A panel is proven when each of its queries has data, and it moves in a drill,
or stays still as firedrill.yaml states. Rules that only long drills prove are counted apart.

Examples:
  $ firedrill coverage
  $ firedrill run --all --report out && firedrill coverage --from out --fail-under 100
  $ firedrill coverage --json | jq '.coverage.panels[] | select(.proven | not)'`,
    )
    .action((names: string[], options: CoverageOptions) => start((context) => coverageCommand(names, options, context)))
}

/** @returns the exit code */
export async function coverageCommand(
  names: readonly string[],
  options: CoverageOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const measured =
    options.from === undefined ? await measure(names, options, context) : readReport(options.from, context)
  if (typeof measured === 'number') return measured
  const { coverage } = measured
  const shares = coverageShares(coverage)
  const isUnder = options.failUnder !== undefined && isBelow(shares, options.failUnder)
  const exitCode = worstExitCode([measured.exitCode, isUnder ? exitCodes.finding.code : exitCodes.held.code])
  if (options.html !== undefined) {
    const file = resolve(context.cwd, options.html)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, coverageHtml(coverage, context.version))
  }
  if (options.json) {
    console.out(JSON.stringify({ format: 1, version: context.version, coverage, shares, exitCode }, undefined, 2))
    return exitCode
  }
  for (const line of coverageLines(coverage, console.paint)) console.out(line)
  if (isUnder) console.err(`coverage is below ${options.failUnder} %`)
  return exitCode
}

interface Measured {
  readonly coverage: Coverage
  /** Of drills that gave no result; whether expectations held shows in the coverage itself. */
  readonly exitCode: number
}

async function measure(
  names: readonly string[],
  options: CoverageOptions,
  context: CommandContext,
): Promise<Measured | number> {
  const { console } = context
  const set = await setUp(options, context)
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  const selection = { names, all: names.length === 0, tags: [], twins: true, long: options.long ?? false }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), known)
  const problems = [...set.problems, ...selected.problems, ...panelNameProblems(set, selected.loaded)]
  printUnknown(selected.unknown, context)
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length > 0 || selected.unknown.length > 0) return exitCodes.invalid.code
  const { alerts, dashboards, dashboardProblems } = set.loaded!
  const dashboardCode = printDashboardProblems(dashboardProblems, context)
  const judge = await chooseJudge({ judge: 'auto' }, context)
  if (typeof judge === 'number') return judge
  const pool = new WorkerPool(selected.drills, {
    module: set.module,
    setup: drillSetupOf(set, context, judge),
    workers: options.workers ?? context.cores,
    judge: judge.identity,
    onProgress: ({ drillsDone, drills }) => console.progress(`${drillsDone}/${drills} drills`),
  })
  let interrupted = false
  context.onInterrupt(async () => {
    interrupted = true
    await pool.stop()
  })
  context.onExit(() => pool.killChildren())
  const results = await pool.run()
  console.progress('')
  if (interrupted) return exitCodes.interrupted.code
  const broken = results.filter(({ exitCode }) => exitCode === exitCodes.bug.code || exitCode === exitCodes.judge.code)
  for (const { scenario, verdict, notes } of broken) console.err(`${scenario}: ${verdict}: ${notes[0]}`)
  return {
    coverage: {
      rules: coverageOfRules(alerts, results, selected.leftOut),
      panels: coverageOfPanels(dashboards, results, set.project.coverage?.still),
    },
    exitCode: worstExitCode([...broken.map(({ exitCode }) => exitCode), dashboardCode]),
  }
}

function readReport(from: string, { console, cwd }: CommandContext): Measured | number {
  const file = from.endsWith('.json') ? from : join(from, 'firedrill.json')
  try {
    const report = JSON.parse(readFileSync(resolve(cwd, file), 'utf8')) as Partial<RunReport>
    const { coverage } = report
    if (report.format === 1 && Array.isArray(coverage?.rules) && Array.isArray(coverage.panels)) {
      return { coverage, exitCode: exitCodes.held.code }
    }
    console.err(`${file}: is no report of firedrill run`)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined && !(error instanceof SyntaxError)) throw error
    const hint = 'firedrill run --all --report DIR writes one'
    console.err(`${file}: ${code === undefined ? 'is not JSON' : 'cannot be read'} (${hint})`)
  }
  return exitCodes.invalid.code
}

function percentage(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 100)) throw new InvalidArgumentError('It must be 0 to 100.')
  return value
}
