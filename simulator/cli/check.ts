/** `firedrill check`: says what is wrong in scenarios, rules and scrape config, without running anything. */
import { type Command, Option } from 'commander'
import { countOf } from '../count-text.ts'
import type { AlertResult, DrillResult, Finding } from '../drill/drill-result.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { runDrill } from '../drill/run-drill.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { surveyDrillOf } from '../findings/deep-drills.ts'
import { findingsInRun, type RunFindings, reaches } from '../findings/look-for-findings.ts'
import { panelQueriesOf } from '../findings/panel-queries.ts'
import type { Survey } from '../findings/survey.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import { findingLines } from '../report/findings-text.ts'
import type { Problem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  chooseJudge,
  drillSetupOf,
  panelNameProblems,
  printDashboardProblems,
  printProblems,
  printUnknown,
  type SetUp,
  type SetUpOptions,
  setUp,
} from './set-up.ts'
import { WorkerPool } from './worker-pool.ts'

export interface CheckOptions extends SetUpOptions {
  /** Runs the drills, and prints the windows that rules and model give today. */
  readonly suggest: boolean
  readonly json: boolean
  /** Lets the platform run for a minute, to know what it exposes. */
  readonly survey: boolean
  readonly failOn?: Finding['severity']
}

/** Defines the command on the command line. */
export function addCheckCommand(program: Command, start: Start): void {
  program
    .command('check')
    .description('only validate: what is wrong, where, and the likely meaning')
    .argument('[scenario...]', 'file or name; all when left out')
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to check')
    .option('--dashboards <dir>', 'dashboards to check (default: observability/grafana/dashboards)')
    .option('--alertmanager <file>', 'alertmanager.yml to check')
    .option('--survey', 'simulate a minute as well, so that findings know what the platform exposes', false)
    .addOption(
      new Option('--fail-on <severity>', 'exit 7 on a finding of this severity').choices(['info', 'warning', 'error']),
    )
    .option('--suggest', 'run the drills, and print the windows that rules and model give today', false)
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill check                             every scenario, the rules and the scrape config
  $ firedrill check --rules my-rules.yml        rule files, with Prometheus's own messages
  $ firedrill check --survey --rules 'their/*.yml' --alertmanager their/alertmanager.yml --fail-on warning
  $ firedrill check service-down --suggest`,
    )
    .action((names: string[], options: CheckOptions) => start((context) => checkCommand(names, options, context)))
}

/** @returns the exit code */
export async function checkCommand(
  names: readonly string[],
  options: CheckOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const set = await setUp(options, context)
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  const selection = { names, all: names.length === 0, tags: [], twins: true }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), known)
  const shown = set.loaded?.dashboardProblems ?? []
  const ofDashboards = shown.filter(({ severity }) => severity === 'error')
  const ofScenarios = [...selected.problems, ...panelNameProblems(set, selected.loaded)]
  const problems: Problem[] = [...set.problems, ...ofScenarios, ...ofDashboards]
  const invalid = problems.length + selected.unknown.length > 0
  const noticed = invalid
    ? undefined
    : await findingsOfFiles(set, options.survey ? selected.drills[0] : undefined, context)
  const failOn = options.failOn ?? set.project.findings?.failOn
  const found = failOn !== undefined && noticed && reaches(noticed.findings, failOn)
  const exitCode = invalid ? exitCodes.invalid.code : found ? exitCodes.finding.code : exitCodes.held.code
  if (options.json) {
    const { findings = [], ignored = [] } = noticed ?? {}
    const report = { format: 1, problems, unknown: selected.unknown, findings, ignoredFindings: ignored, exitCode }
    console.out(JSON.stringify(report, undefined, 2))
    return exitCode
  }
  printUnknown(selected.unknown, context)
  printDashboardProblems(
    shown.filter(({ severity }) => severity === 'warning'),
    context,
  )
  if (problems.length > 0) printProblems(problems, context)
  if (!noticed) return exitCode
  if (options.suggest) return suggest(selected.drills, set, context)
  const twins = selected.drills.filter(({ twin }) => twin !== undefined).length
  const rules = set.loaded!.groups.reduce((sum, group) => sum + group.rules.length, 0)
  const { dashboards } = set.loaded!
  const panels = dashboards.reduce((sum, dashboard) => sum + dashboard.panels.length, 0)
  const counts = [
    `${countOf(selected.drills.length - twins, 'scenario')} with ${countOf(twins, 'twin')}`,
    countOf(rules, 'rule'),
  ]
  if (dashboards.length > 0) counts.push(`${countOf(panels, 'panel')} of ${countOf(dashboards.length, 'dashboard')}`)
  const important = noticed.findings.filter(({ severity }) => severity !== 'info')
  console.out(`${counts.join(', ')}: ${important.length > 0 ? 'all can be read' : 'nothing is wrong'}`)
  if (important.length > 0) {
    for (const line of ['', ...findingLines(noticed, console.paint)]) console.out(line)
  }
  return exitCode
}

/** @param base a drill whose world is looked at for a minute; undefined: only the files are looked at */
async function findingsOfFiles(set: SetUp, base: Drill | undefined, context: CommandContext): Promise<RunFindings> {
  const { config, groups, dashboards } = set.loaded!
  const { alertmanager, documentation, ignore } = set.findingFiles
  const surveys: Survey[] = []
  if (base) {
    const engine = set.engine
    await runDrill(surveyDrillOf(base), {
      config,
      groups,
      foreignRules: true,
      createJudge: async () => createEmbeddedJudge(engine, { evaluationIntervalMs: config.evaluationIntervalMs }),
      temporaryFolder: context.temporaryFolder(),
      wallClock: context.wallClock,
      onSurvey: (one) => surveys.push(one),
      onProgress: ({ virtualMs }) => context.console.progress(`looking at the platform, ${virtualMs / 1000} s`),
    })
    context.console.progress('')
  }
  const [survey] = surveys
  const panelQueries = panelQueriesOf(dashboards)
  return findingsInRun({ config, groups, alertmanager, documentation, panelQueries, survey, results: [] }, ignore)
}

/** Prints for each alert that is expected to fire when it does so today, relative to what its window refers to. */
async function suggest(
  drills: readonly Drill[],
  set: Awaited<ReturnType<typeof setUp>>,
  context: CommandContext,
): Promise<number> {
  const judge = await chooseJudge({ judge: 'embedded' }, context)
  if (typeof judge === 'number') return judge
  const pool = new WorkerPool(drills, {
    module: set.module,
    setup: {
      ...drillSetupOf(set, context),
      // Windows of alerts are asked for, nothing else.
      dashboardsFolder: undefined,
    },
    workers: context.cores,
    judge: judge.identity,
    onProgress: ({ drillsDone, drills: all }) => context.console.progress(`${drillsDone}/${all} drills`),
  })
  context.onInterrupt(() => pool.stop())
  const results = await pool.run()
  context.console.progress('')
  for (const [i, result] of results.entries()) {
    const lines = result.alerts.flatMap((alert) => suggestion(alert, drills[i]!))
    const broken = brokenLine(result)
    if (lines.length + broken.length === 0) continue
    context.console.out(`${result.scenario}:`)
    for (const line of [...broken, ...lines]) context.console.out(`  ${line}`)
  }
  return worstExitCode(results.map(({ exitCode }) => (exitCode === 70 || exitCode === 6 ? exitCode : 0)))
}

function brokenLine({ exitCode, verdict, notes }: DrillResult): string[] {
  return exitCode === 70 || exitCode === 6 ? [`# ${verdict}: ${notes[0]}`] : []
}

function suggestion(alert: AlertResult, drill: Drill): string[] {
  const expected = drill.expect.alerts[alert.alertname]
  if (expected?.kind !== 'fires') {
    const surprising = alert.firingAt !== null && expected?.kind !== 'may'
    return surprising ? [`# ${alert.alertname}: ${alert.detail}`] : []
  }
  if (alert.firingAt === null) return [`# ${alert.alertname}: ${alert.detail}`]
  const lines = [`${alert.alertname}:`, `  firing: ${windowText(alert.firingAt, expected.firingAfter)}`]
  if (alert.resolvedAt) {
    const after = expected.resolvedAfter ?? expected.firingAfter
    lines.push(`  resolved: ${windowText(alert.resolvedAt, after)}`)
  }
  return lines
}

function windowText(
  [from, to]: readonly [number, number],
  after: { readonly text: string; readonly ms: number },
): string {
  const relative = (s: number) => formatDuration(s * 1000 - after.ms)
  return `{ after: ${after.text}, between: [${relative(from)}, ${relative(to)}] }`
}
