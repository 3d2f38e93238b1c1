/** `firedrill run`: runs drills and says which expectations held. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DrillResult, Finding } from '../drill/drill-result.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { coverageOfRules } from '../report/coverage.ts'
import { runReport } from '../report/json.ts'
import { junitReport } from '../report/junit.ts'
import { terminalReport } from '../report/terminal.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { chooseJudge, type JudgeOptions, printProblems, type SetUpOptions, setUp } from './set-up.ts'
import { type PoolProgress, WorkerPool } from './worker-pool.ts'

export interface RunOptions extends SetUpOptions, JudgeOptions {
  readonly all: boolean
  readonly tag: readonly string[]
  readonly twins: boolean
  readonly seed?: number
  readonly report?: string
  readonly json: boolean
  readonly junit?: string
  readonly workers?: number
  readonly force: boolean
  readonly failOn?: Finding['severity']
}

/** @returns the exit code */
export async function runCommand(
  names: readonly string[],
  options: RunOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const startedMs = context.wallClock()
  const set = await setUp(options, context)
  const folder = scenariosFolder(context.cwd)
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  const selection = { names, all: options.all, tags: options.tag, twins: options.twins }
  const selected = selectDrills(
    options.force ? { ...selection, seriesMax: Number.POSITIVE_INFINITY } : selection,
    folder,
    known,
  )
  const problems = [...set.problems, ...selected.problems]
  for (const { name, nearest } of selected.unknown) {
    console.err(`no scenario is called "${name}"${nearest ? ` (did you mean "${nearest}"?)` : ''}`)
  }
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length > 0 || selected.unknown.length > 0) return exitCodes.invalid.code
  if (selected.drills.length === 0) {
    console.err('no scenario was chosen: name one, or use --all (firedrill list shows them)')
    return exitCodes.invalid.code
  }
  const judge = await chooseJudge(options, context)
  if (typeof judge === 'number') return judge

  const drills = selected.drills.map((drill): Drill => ({ ...drill, seed: options.seed ?? drill.seed }))
  const pool = new WorkerPool(drills, {
    module: set.module,
    setup: {
      ...set.source,
      judge: judge.kind,
      prometheusBinary: judge.binary,
      temporaryFolder: context.temporaryFolder(),
    },
    workers: options.workers ?? context.cores,
    judge: judge.identity,
    onProgress: (progress) => console.progress(progressLine(progress, context.wallClock() - startedMs)),
  })
  let interrupted = false
  context.onInterrupt(async () => {
    interrupted = true
    await pool.stop()
  })
  context.onExit(() => pool.killChildren())
  const results = await pool.run()
  console.progress('')

  const coverage = coverageOfRules(set.loaded!.alerts, results)
  const codes = [...results.map(({ exitCode }) => exitCode), findingCode(results, options.failOn)]
  const exitCode = interrupted ? exitCodes.interrupted.code : worstExitCode(codes)
  const report = runReport(context.version, results, coverage, exitCode)
  if (options.report !== undefined) {
    write(join(options.report, 'firedrill.json'), `${JSON.stringify(report, undefined, 2)}\n`)
    write(join(options.report, 'junit.xml'), junitReport(results))
  }
  if (options.junit !== undefined) write(options.junit, junitReport(results))
  if (options.json) {
    console.out(JSON.stringify(report, undefined, 2))
    return exitCode
  }
  const wallSeconds = (context.wallClock() - startedMs) / 1000
  const repeat = (result: DrillResult) => repeatCommand(result, options)
  for (const line of terminalReport({ results, coverage, wallSeconds, paint: console.paint, repeat })) console.out(line)
  if (interrupted) console.err('interrupted')
  return exitCode
}

const severities = ['info', 'warning', 'error'] as const

function findingCode(results: readonly DrillResult[], failOn: Finding['severity'] | undefined): number {
  if (failOn === undefined) return 0
  const least = severities.indexOf(failOn)
  const reached = results.some(({ findings }) => findings.some(({ severity }) => severities.indexOf(severity) >= least))
  return reached ? exitCodes.finding.code : 0
}

/** What the user would type to see this drill again. */
function repeatCommand({ scenario, seed }: DrillResult, options: RunOptions): string {
  const parts = ['firedrill run', scenario, `--seed ${seed}`]
  if (options.rules !== undefined) parts.push(`--rules '${options.rules}'`)
  if (options.prometheusConfig !== undefined) parts.push(`--prometheus-config ${options.prometheusConfig}`)
  if (options.judge === 'prometheus') parts.push('--judge prometheus')
  return parts.join(' ')
}

function progressLine(
  { drillsDone, drills, virtualMsDone, virtualMs, running }: PoolProgress,
  elapsedMs: number,
): string {
  const share = virtualMs > 0 ? virtualMsDone / virtualMs : 0
  const width = 24
  const full = Math.round(share * width)
  const left = share > 0.02 ? `, about ${formatDuration(Math.max(1000, (elapsedMs / share) * (1 - share)))} left` : ''
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${drillsDone}/${drills} drills${left}  ${running.join(' ')}`
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
