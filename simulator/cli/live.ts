/** `firedrill live`: a drill with real processes, a real Prometheus and a real Alertmanager. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { DrillEvidence } from '../drill/drill-evidence.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { runDrill } from '../drill/run-drill.ts'
import { formatClock } from '../expectations/clock-text.ts'
import type { RunFindings } from '../findings/look-for-findings.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import { findBinary, howToGet } from '../judge/prometheus/find-binary.ts'
import { type LiveDrillResult, runLiveDrill } from '../live/live-drill.ts'
import { LivePartError, type LivePlatform } from '../live/live-platform.ts'
import { documentedPorts } from '../live/platform-settings.ts'
import { freePorts } from '../live/ports.ts'
import { coverageOfPanels, coverageOfRules } from '../report/coverage.ts'
import { findingLines } from '../report/findings-text.ts'
import { runReport } from '../report/json.ts'
import { liveLines } from '../report/live-account.ts'
import { terminalReport } from '../report/terminal.ts'
import type { Drill } from '../scenario/scenario.ts'
import { writeReportFiles } from './conclude-run.ts'
import type { CommandContext } from './context.ts'
import { writePage } from './drill-page-file.ts'
import { positiveNumber, type Start, wholeNumber } from './options.ts'
import { prometheusPlan } from './prometheus-plan.ts'
import {
  addRealServerOptions,
  partsReplaced,
  type RealServerOptions,
  realServers,
  withoutEmpty,
} from './real-servers.ts'
import { repeatOptions } from './repeat-command.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUp, type SetUpOptions, setUp } from './set-up.ts'

export interface LiveOptions extends SetUpOptions, RealServerOptions {
  readonly speed: number
  readonly seed?: number
  readonly report?: string
  readonly json: boolean
  readonly junit?: string
  readonly compare: boolean
  readonly prometheus?: string
  readonly alertmanager?: string
}

/** Defines the command on the command line. */
export function addLiveCommand(program: Command, start: Start): void {
  addRealServerOptions(program.command('live'))
    .description('run a scenario with real processes, a real Prometheus and a real Alertmanager')
    .argument('<scenario>', 'file, name, or name/twin')
    .option('--speed <k>', 'so many times faster than real time', positiveNumber, 1)
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option(
      '--dashboards <dir>',
      'dashboards to judge (default: observability/grafana/dashboards; none with rules of yours)',
    )
    .option('--no-dashboards', 'judge no dashboards')
    .option('--prometheus <path>', 'the prometheus binary')
    .option('--alertmanager <path>', 'the alertmanager binary')
    .option('--no-compare', 'do not run the virtual world first to compare with')
    .option('--report <dir>', 'write index.html, the page of the drill, firedrill.json and junit.xml there')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--junit <file>', 'write JUnit XML')
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill live service-down --speed 60      15 minutes in 15 seconds, and the page that Alertmanager sent
  $ firedrill live service-down --speed 60 --report out      open out/index.html in a browser
  $ firedrill live high-latency-p95             in real time: nothing is rewritten, everything is confirmed`,
    )
    .action((name: string, options: LiveOptions) => start((context) => liveCommand(name, options, context)))
}

/** @returns the exit code */
export async function liveCommand(name: string, given: LiveOptions, context: CommandContext): Promise<number> {
  const options = withoutEmpty(given)
  const { console } = context
  const startedMs = context.wallClock()
  const set = await setUp(options, context)
  const chosen = chooseDrill(name, options, set, context)
  if (typeof chosen === 'number') return chosen
  const binaries = findServers(options, context)
  if (!binaries) return exitCodes.judge.code

  let platform: LivePlatform | undefined
  let interrupted = false
  context.onInterrupt(async () => {
    interrupted = true
    console.err('interrupted: ending all processes')
    await platform?.stop()
  })
  context.onExit(() => platform?.killAll())

  const { loaded, engine } = set
  const { config, groups, foreignRules, dashboards } = loaded!
  let virtual: DrillResult | undefined
  if (options.compare) {
    const temporaryFolder = context.temporaryFolder()
    const createJudge = async () => createEmbeddedJudge(engine, { evaluationIntervalMs: config.evaluationIntervalMs })
    const { wallClock } = context
    console.progress('the virtual run, to compare with')
    virtual = await runDrill(chosen, { config, groups, foreignRules, createJudge, temporaryFolder, wallClock })
  }
  if (interrupted) return exitCodes.interrupted.code
  const replaced = new Set(partsReplaced(options))
  const parts = Object.keys(documentedPorts).filter((name) => !replaced.has(name))
  let live: LiveDrillResult
  let evidence: DrillEvidence | undefined
  try {
    live = await runLiveDrill(chosen, {
      speed: options.speed,
      ports: await freePorts('127.0.0.1', parts),
      folder: join(context.temporaryFolder(), 'live'),
      environment: context.environment,
      ...realServers(options),
      prometheus: await prometheusPlan(binaries.prometheus, set),
      alertmanager: binaries.alertmanager,
      groups,
      foreignRules,
      panels:
        dashboards.length > 0
          ? { dashboards, foreign: set.source.foreignDashboards, inspect: (text) => engine.inspect(text) }
          : undefined,
      virtual,
      onEvidence: options.report === undefined ? undefined : (collected) => (evidence = collected),
      onPlatform(created) {
        if (interrupted) throw new LivePartError('interrupted')
        platform = created
      },
      onProgress: ({ drillMs, lengthMs, firing }) =>
        console.progress(
          `${formatClock(Math.max(0, drillMs) / 1000)} of ${formatClock(lengthMs / 1000)}, ${firing} alerts firing`,
        ),
      wallClock: context.wallClock,
    })
  } catch (error) {
    console.progress('')
    if (interrupted) return exitCodes.interrupted.code
    if (!(error instanceof LivePartError)) throw error
    console.err(error.message)
    return exitCodes.judge.code
  }
  console.progress('')
  if (interrupted) return exitCodes.interrupted.code
  const wallSeconds = (context.wallClock() - startedMs) / 1000
  return conclude(live, { drill: chosen, virtual, evidence, set, options, context, wallSeconds })
}

/** @returns the one drill that is played, or the exit code */
function chooseDrill(name: string, options: LiveOptions, set: SetUp, context: CommandContext): Drill | number {
  const { console } = context
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  // A twin has a name of its own: without one it is the scenario itself.
  const selection = { names: [name], all: false, tags: [], twins: false }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), known)
  printUnknown(selected.unknown, context)
  const problems = [...set.problems, ...selected.problems]
  if (problems.length > 0) printProblems(problems, context)
  const drill = selected.drills[0]
  if (problems.length > 0 || selected.unknown.length > 0 || !drill) return exitCodes.invalid.code
  if (drill.observe.length > 0) {
    console.err(`${drill.name} takes scrapes away (observe): a real Prometheus can't be told to; use firedrill run`)
    return exitCodes.invalid.code
  }
  return { ...drill, seed: options.seed ?? drill.seed }
}

function findServers(
  options: { readonly prometheus?: string; readonly alertmanager?: string },
  context: CommandContext,
): { prometheus: string; alertmanager: { binary: string } } | undefined {
  const prometheus = findBinary('prometheus', context.environment, options.prometheus)
  const alertmanager = findBinary('alertmanager', context.environment, options.alertmanager)
  if (!prometheus) context.console.err('prometheus is not installed: a live drill needs the real server')
  if (!alertmanager) context.console.err('alertmanager is not installed: a live drill needs the real server')
  if (!prometheus || !alertmanager) {
    context.console.err(`${howToGet}. (firedrill run needs none of them)`)
    return undefined
  }
  return { prometheus: prometheus.path, alertmanager: { binary: alertmanager.path } }
}

interface Concluding {
  readonly drill: Drill
  readonly virtual: DrillResult | undefined
  readonly evidence: DrillEvidence | undefined
  readonly set: SetUp
  readonly options: LiveOptions
  readonly context: CommandContext
  readonly wallSeconds: number
}

/** Says what the run has shown, and writes the reports. @returns the exit code */
function conclude({ result, ...shown }: LiveDrillResult, concluding: Concluding): number {
  const { drill, virtual, evidence, set, options, context, wallSeconds } = concluding
  const { console, version } = context
  const { alerts, dashboards, dashboardProblems } = set.loaded!
  const { exitCode } = result
  const results = [result]
  const coverage = coverageOfRules(alerts, results)
  const panels = coverageOfPanels(dashboards, results, set.project.coverage?.still)
  const noticed = noticedIn(result)
  const run = { version, results, coverage, panels, dashboardProblems, noticed, observations: [], exitCode }
  const report = { ...runReport(run), live: { ...shown, virtual: virtual ?? null } }
  const repeat = () =>
    `firedrill live ${result.scenario} --speed ${options.speed} --seed ${result.seed}${repeatOptions(options)}`
  if (options.report !== undefined && evidence) {
    const live = { ...shown, virtual }
    writePage(options.report, { drill, result, evidence, repeat: repeat(), version, live })
  }
  writeReportFiles({ report, results, noticed }, options, repeat)
  if (options.json) {
    console.out(JSON.stringify(report, undefined, 2))
    return exitCode
  }
  const { paint } = console
  for (const line of [
    ...terminalReport({ results, coverage, panels, wallSeconds, paint, repeat }),
    ...findingLines(noticed, paint, true),
    ...liveLines(result, { ...shown, virtual }),
  ]) {
    console.out(line)
  }
  return exitCode
}

function noticedIn({ findings, scenario }: DrillResult): RunFindings {
  return { findings: findings.map((finding) => ({ ...finding, drills: [scenario] })), ignored: [], needless: [] }
}
