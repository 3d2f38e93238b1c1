/** The end of a run: what its drills have shown together, said and written where it was asked for. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withReceivers } from '../alertmanager/paging.ts'
import type { DrillResult, Finding } from '../drill/drill-result.ts'
import type { DrillSetup } from '../drill/drill-setup.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { isDeep } from '../findings/deep-drills.ts'
import { findingsInRun, type RunFindings, reaches } from '../findings/look-for-findings.ts'
import { panelQueriesOf } from '../findings/panel-queries.ts'
import { mergeSurveys } from '../findings/survey.ts'
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
import { type CiOptions, placesOf, writeCiOutputs } from './ci-outputs.ts'
import type { CommandContext } from './context.ts'
import { repeatCommand, repeatOptions } from './repeat-command.ts'
import type { JudgeOptions, SetUp, SetUpOptions } from './set-up.ts'

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
  /** All drills ran: what none of them shows is not there. */
  readonly isWhole?: boolean
}

/** Where each drill writes its page, and with what; nothing when no report is asked for. */
export function pagesOf(
  options: ReportingOptions,
  { findingFiles }: SetUp,
  { version }: CommandContext,
): Pick<DrillSetup, 'report'> {
  if (options.report === undefined) return {}
  const { alertmanagerFile } = findingFiles
  return { report: { folder: options.report, repeatOptions: repeatOptions(options), version, alertmanagerFile } }
}

/** Says what a run has shown, and writes the reports. Shards that were joined are concluded like a run. @returns the exit code */
export function concludeRun(finished: FinishedRun, options: ReportingOptions, context: CommandContext): number {
  const { console } = context
  const concluded = reportOfRun(finished, options.failOn, context.version)
  writeReports(concluded, finished, options, context)
  const { report, results, noticed } = concluded
  const { coverage, observations, exitCode } = report
  if (options.json) {
    console.out(JSON.stringify(report, undefined, 2))
    return exitCode
  }
  const { rules, panels } = coverage
  const wallSeconds = (context.wallClock() - finished.startedMs) / 1000
  const repeat = (result: DrillResult) => repeatCommand(result, repeatOptions(options))
  for (const line of terminalReport({ results, coverage: rules, panels, wallSeconds, paint: console.paint, repeat }))
    console.out(line)
  const more = [
    observationLines(observations, console.paint),
    options.findings === 'none' ? [] : findingLines(noticed, console.paint, options.findings === 'all'),
  ]
  for (const lines of more.filter(({ length }) => length > 0)) for (const line of ['', ...lines]) console.out(line)
  if (finished.interrupted) console.err('interrupted')
  return exitCode
}

/** A run as data. */
export interface ConcludedRun {
  readonly report: RunReport
  readonly results: readonly DrillResult[]
  readonly noticed: RunFindings
}

/** What a run gives as data: verdicts, findings, coverage and the exit code. @param failOn instead of what firedrill.yaml says */
export function reportOfRun(
  { set, all, drills, interrupted, dashboardCode, leftOut, isWhole = false }: FinishedRun,
  failOn: Finding['severity'] | undefined,
  version: string,
): ConcludedRun {
  const found = findingsOfRun(set, all)
  // A drill that did not run may be the one that shows what the list of accepted findings is about.
  const noticed = isWhole && !interrupted ? found : { ...found, needless: [] }
  const { alertmanager } = set.findingFiles
  const results = all
    .filter(({ scenario }) => !isDeep(scenario))
    .map((result) => (alertmanager ? withReceivers(result, alertmanager, set.loaded!.config.externalLabels) : result))
  const { alerts, dashboards, dashboardProblems, foreignRules, groups } = set.loaded!
  const failing = failOn ?? set.project.findings?.failOn
  const tooBad = failing !== undefined && reaches(noticed.findings, failing) ? exitCodes.finding.code : 0
  const codes = [...all.map(({ exitCode }) => exitCode), tooBad, dashboardCode]
  const report = runReport({
    version,
    results,
    coverage: coverageOfRules(alerts, results, leftOut),
    panels: coverageOfPanels(dashboards, results, set.project.coverage?.still),
    dashboardProblems,
    noticed,
    observations: foreignRules ? observeAlerts(groups, all, drills) : [],
    exitCode: interrupted ? exitCodes.interrupted.code : worstExitCode(codes),
  })
  return { report, results, noticed }
}

/** The files that were asked for. */
export function writeReports(
  concluded: ConcludedRun,
  { drills, scenarios }: Pick<FinishedRun, 'drills' | 'scenarios'>,
  options: ReportingOptions,
  context: CommandContext,
): void {
  const { results, report } = concluded
  const { findings } = report
  const { rules: coverage } = report.coverage
  const repeat = (result: DrillResult) => repeatCommand(result, repeatOptions(options))
  writeReportFiles(concluded, options, repeat)
  writeCiOutputs({ results, coverage, findings, placeOf: placesOf(drills, scenarios), repeat }, options, context)
}

/** The folder of a report without the pages of its drills, and JUnit where it is asked for. @param repeat what to type to see a drill again */
export function writeReportFiles(
  { report, results, noticed }: ConcludedRun,
  { report: folder, junit }: Pick<ReportingOptions, 'report' | 'junit'>,
  repeat: (result: DrillResult) => string,
): void {
  if (folder !== undefined) {
    write(join(folder, 'firedrill.json'), `${JSON.stringify(report, undefined, 2)}\n`)
    write(join(folder, 'junit.xml'), junitReport(results))
    const { rules: coverage, panels } = report.coverage
    const { exitCode, version } = report
    const hasPage = ({ scenario }: DrillResult) => existsSync(join(folder, drillPagePath(scenario)))
    const page = runPage({ results, coverage, panels, noticed, exitCode, version, hasPage, repeat })
    write(join(folder, 'index.html'), page)
  }
  if (junit !== undefined) write(junit, junitReport(results))
}

/** What files, drills and the whole run show. */
function findingsOfRun({ loaded, findingFiles }: SetUp, results: readonly DrillResult[]): RunFindings {
  const { alertmanager, documentation, ignore } = findingFiles
  const { config, groups, dashboards } = loaded!
  const survey = mergeSurveys(results.flatMap((result) => result.survey ?? []))
  const panelQueries = panelQueriesOf(dashboards)
  return findingsInRun({ config, groups, alertmanager, documentation, panelQueries, survey, results }, ignore)
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
