/** `firedrill run`: runs drills and says which expectations held. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { withReceivers } from '../alertmanager/paging.ts'
import type { DrillResult, Finding } from '../drill/drill-result.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { askServers } from '../expectations/ask-servers.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { deepDrills, isDeep } from '../findings/deep-drills.ts'
import { findingsInRun, type RunFindings, reaches } from '../findings/look-for-findings.ts'
import { panelQueriesOf } from '../findings/panel-queries.ts'
import { mergeSurveys } from '../findings/survey.ts'
import { placeInTime } from '../push/place-in-time.ts'
import { coverageOfPanels, coverageOfRules } from '../report/coverage.ts'
import { findingLines } from '../report/findings-text.ts'
import { observationLines, observeAlerts } from '../report/foreign-alerts.ts'
import { drillPagePath } from '../report/html/drill-page.ts'
import { runPage } from '../report/html/run-page.ts'
import { type RunReport, runReport } from '../report/json.ts'
import { junitReport } from '../report/junit.ts'
import { terminalReport } from '../report/terminal.ts'
import type { LoadedScenario } from '../scenario/load-scenario.ts'
import type { Drill } from '../scenario/scenario.ts'
import { addCiOptions, type CiOptions, placesOf, writeCiOutputs } from './ci-outputs.ts'
import type { CommandContext } from './context.ts'
import { addNarrowOptions, type NarrowOptions, narrow } from './narrow.ts'
import { collect, positiveNumber, type Start, wholeNumber } from './options.ts'
import { addPushOptions, isPush, type PushOptions, pushCommand } from './push.ts'
import { repeatCommand, repeatOptions } from './repeat-command.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  chooseJudge,
  type JudgeOptions,
  panelNameProblems,
  printDashboardProblems,
  printProblems,
  type SetUp,
  type SetUpOptions,
  setUp,
} from './set-up.ts'
import { shardOf } from './shard.ts'
import { writeShard } from './shard-file.ts'
import { type PoolProgress, WorkerPool } from './worker-pool.ts'

/** What a run says and writes at its end. */
export interface ReportingOptions extends SetUpOptions, CiOptions {
  /** Addresses of real servers that were asked, too. */
  readonly loki?: string
  readonly jaeger?: string
  readonly judge: JudgeOptions['judge']
  readonly report?: string
  readonly json: boolean
  readonly junit?: string
  readonly failOn?: Finding['severity']
  readonly findings: 'all' | 'important' | 'none'
}

export interface RunOptions extends ReportingOptions, JudgeOptions, PushOptions, NarrowOptions {
  readonly all: boolean
  readonly tag: readonly string[]
  readonly twins: boolean
  readonly seed?: number
  readonly workers?: number
  readonly force: boolean
  readonly deep: boolean
}

/** Defines the command on the command line. */
export function addRunCommand(program: Command, start: Start): void {
  const command = addPushOptions(program.command('run'))
    .description('run scenarios and say which expectations held')
    .argument('[scenario...]', 'file, name, or name/twin')
    .option('--all', 'every scenario but the long ones', false)
    .option('--tag <tag>', 'only scenarios with this tag; repeatable (long: also the long ones)', collect, [])
    .option('--no-twins', 'leave the twins out')
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--alertmanager <file>', 'alertmanager.yml that says who is told of which alert')
    .option('--deep', 'also drill quiet mornings of more seeds and an idle platform, for findings', false)
    .addOption(
      new Option('--findings <which>', 'findings on the terminal')
        .choices(['all', 'important', 'none'])
        .default('important'),
    )
    .option(
      '--dashboards <dir>',
      'dashboards to judge (default: observability/grafana/dashboards; none with rules of yours)',
    )
    .option('--no-dashboards', 'judge no dashboards')
    .option(
      '--loki <url>',
      'ask this Loki, too, what is expected of logs (after --push, with the same --ending)',
      serverUrl,
    )
    .option('--jaeger <url>', 'ask this Jaeger, too, what is expected of traces', serverUrl)
    .option('--report <dir>', 'write index.html, a page for each drill, firedrill.json and junit.xml there')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--junit <file>', 'write JUnit XML')
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addOption(
      new Option(
        '--judge <judge>',
        'who evaluates: Prometheus inside of Firedrill, a private server, or (auto) a server for very large drills',
      )
        .choices(['auto', 'embedded', 'prometheus'])
        .default('embedded'),
    )
    .option('--prometheus <path>', 'the prometheus binary for --judge prometheus and auto')
    .option('--force', 'run drills that make very many series', false)
    .addOption(
      new Option('--fail-on <severity>', 'exit 7 on a finding of this severity').choices(['info', 'warning', 'error']),
    )
  addNarrowOptions(addCiOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill run kafka-lag-spike               the scenario and its twins
  $ firedrill run service-down/just-below       one twin alone
  $ firedrill run --all --junit out.xml         for CI
  $ firedrill run --all --changed-since main    what a change can touch
  $ firedrill run --all --shard 1/4 --report out
  $ firedrill run --all --report out            open out/index.html in a browser
  $ firedrill run --all --json | jq .exitCode
  $ firedrill run --all --deep --fail-on warning
  $ firedrill run --all --rules 'their/*.yml' --prometheus-config their/prometheus.yml --alertmanager their/alertmanager.yml
  $ firedrill run kafka-lag-spike --push prometheus=http://localhost:9090 --history 7d`,
    )
    .action((names: string[], options: RunOptions, command: Command) => {
      if (names.length === 0 && !options.all && options.tag.length === 0) {
        command.error('name a scenario, or use --all', { exitCode: exitCodes.invalid.code })
      }
      const chosen = { ...options, all: options.all || (names.length === 0 && options.tag.length > 0) }
      return start((context) => runCommand(names, chosen, context))
    })
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
  const problems = [...set.problems, ...selected.problems, ...panelNameProblems(set, selected.loaded)]
  for (const { name, nearest } of selected.unknown) {
    console.err(`no scenario is called "${name}"${nearest ? ` (did you mean "${nearest}"?)` : ''}`)
  }
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length > 0 || selected.unknown.length > 0) return exitCodes.invalid.code
  if (selected.drills.length === 0) {
    console.err('no scenario was chosen: name one, or use --all (firedrill list shows them)')
    return exitCodes.invalid.code
  }
  const narrowed = await narrow(selected.drills, options, set, context)
  if (typeof narrowed === 'number') return narrowed
  const seeded = narrowed.map((drill): Drill => ({ ...drill, seed: options.seed ?? drill.seed }))
  if (isPush(options)) return pushCommand(seeded, set.loaded!, options, context)
  const chosen = seeded.map((drill) => atTimeOfServers(drill, options))
  const dashboardCode = printDashboardProblems(set.loaded!.dashboardProblems, context)
  const judge = await chooseJudge(options, context)
  if (typeof judge === 'number') return judge

  const whole = options.deep && chosen.length > 0 ? [...chosen, ...deepDrills(chosen[0]!)] : chosen
  const drills = options.shard ? shardOf(whole, options.shard) : whole
  const pool = new WorkerPool(drills, {
    module: set.module,
    setup: {
      ...set.source,
      judge: judge.kind,
      prometheusBinary: judge.binary,
      temporaryFolder: context.temporaryFolder(),
      ...(options.report !== undefined && {
        report: { folder: options.report, repeatOptions: repeatOptions(options), version: context.version },
      }),
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
  const all: DrillResult[] = []
  for (const [i, result] of (await pool.run()).entries()) all.push(await askServers(result, drills[i]!, options))
  console.progress('')
  if (options.shard && options.report !== undefined) writeShard(options.report, options.shard, all, options, context)
  return concludeRun(
    {
      set,
      drills,
      scenarios: selected.loaded,
      all,
      interrupted,
      startedMs,
      dashboardCode,
      leftOut: selected.leftOut,
    },
    options,
    context,
  )
}

export interface FinishedRun {
  readonly set: SetUp
  readonly drills: readonly Drill[]
  readonly scenarios: readonly LoadedScenario[]
  /** Results of all drills, in their order. */
  readonly all: readonly DrillResult[]
  readonly interrupted: boolean
  readonly startedMs: number
  readonly dashboardCode: number
  /** Drills of a run of all that take long, and did not run. */
  readonly leftOut: readonly Drill[]
}

/** Says what a run has shown, and writes the reports. Shards that were joined are concluded like a run. @returns the exit code */
export function concludeRun(finished: FinishedRun, options: ReportingOptions, context: CommandContext): number {
  const { drills, scenarios, interrupted, startedMs } = finished
  const { console } = context
  const { report, results, noticed } = reportOfRun(finished, options.failOn, context.version)
  const { coverage, observations, exitCode } = report
  const { rules, panels } = coverage
  const repeat = (result: DrillResult) => repeatCommand(result, repeatOptions(options))
  if (options.report !== undefined) {
    write(join(options.report, 'firedrill.json'), `${JSON.stringify(report, undefined, 2)}\n`)
    write(join(options.report, 'junit.xml'), junitReport(results))
    const { report: folder } = options
    const hasPage = ({ scenario }: DrillResult) => existsSync(join(folder, drillPagePath(scenario)))
    const { version } = context
    const page = runPage({ results, coverage: rules, panels, noticed, exitCode, version, hasPage, repeat })
    write(join(folder, 'index.html'), page)
  }
  if (options.junit !== undefined) write(options.junit, junitReport(results))
  const { findings } = report
  writeCiOutputs({ results, coverage: rules, findings, placeOf: placesOf(drills, scenarios), repeat }, options, context)
  if (options.json) {
    console.out(JSON.stringify(report, undefined, 2))
    return exitCode
  }
  const wallSeconds = (context.wallClock() - startedMs) / 1000
  for (const line of terminalReport({ results, coverage: rules, panels, wallSeconds, paint: console.paint, repeat }))
    console.out(line)
  const more = [
    observationLines(observations, console.paint),
    options.findings === 'none' ? [] : findingLines(noticed, console.paint, options.findings === 'all'),
  ]
  for (const lines of more.filter(({ length }) => length > 0)) for (const line of ['', ...lines]) console.out(line)
  if (interrupted) console.err('interrupted')
  return exitCode
}

/** What a run gives as data: verdicts, findings, coverage and the exit code. @param failOn instead of what firedrill.yaml says */
export function reportOfRun(
  { set, all, interrupted, dashboardCode, leftOut }: FinishedRun,
  failOn: Finding['severity'] | undefined,
  version: string,
): { report: RunReport; results: readonly DrillResult[]; noticed: RunFindings } {
  const noticed = findingsOfRun(set, all)
  const { alertmanager } = set.findingFiles
  const results = all
    .filter(({ scenario }) => !isDeep(scenario))
    .map((result) => (alertmanager ? withReceivers(result, alertmanager, set.loaded!.config.externalLabels) : result))
  const { alerts, dashboards, dashboardProblems, foreignRules, groups } = set.loaded!
  const failing = failOn ?? set.project.findings?.failOn
  const found = failing !== undefined && reaches(noticed.findings, failing) ? exitCodes.finding.code : 0
  const codes = [...all.map(({ exitCode }) => exitCode), found, dashboardCode]
  const report = runReport({
    version,
    results,
    coverage: coverageOfRules(alerts, results, leftOut),
    panels: coverageOfPanels(dashboards, results, set.project.coverage?.still),
    dashboardProblems,
    noticed,
    observations: foreignRules ? observeAlerts(groups, all) : [],
    exitCode: interrupted ? exitCodes.interrupted.code : worstExitCode(codes),
  })
  return { report, results, noticed }
}

/** What files, drills and the whole run show. */
function findingsOfRun({ loaded, findingFiles }: SetUp, results: readonly DrillResult[]): RunFindings {
  const { alertmanager, documentation, ignore } = findingFiles
  const { config, groups, dashboards } = loaded!
  const survey = mergeSurveys(results.flatMap((result) => result.survey ?? []))
  const panelQueries = panelQueriesOf(dashboards)
  return findingsInRun({ config, groups, alertmanager, documentation, panelQueries, survey, results }, ignore)
}

/** The signals that the servers were given are those of the drill at the time at which it was pushed. */
function atTimeOfServers(drill: Drill, { loki, jaeger, ending, history }: RunOptions): Drill {
  if ((loki ?? jaeger) === undefined || ending === 'now') return drill
  return placeInTime(drill, { endingMs: ending, ...(history !== undefined && { historyMs: history }) })
}

function serverUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('Write for example http://localhost:3100.')
  return text
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
