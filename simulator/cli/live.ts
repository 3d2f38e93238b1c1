/** `firedrill live`: a drill with real processes, a real Prometheus and a real Alertmanager. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { runDrill } from '../drill/run-drill.ts'
import { formatClock } from '../expectations/clock-text.ts'
import type { RunFindings } from '../findings/look-for-findings.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import { findBinary, howToGet } from '../judge/prometheus/find-binary.ts'
import { type LiveDrillResult, type ReportedNotification, runLiveDrill } from '../live/live-drill.ts'
import { LivePartError, type LivePlatform } from '../live/live-platform.ts'
import { documentedPorts } from '../live/platform-settings.ts'
import { freePorts } from '../live/ports.ts'
import { coverageOfPanels, coverageOfRules } from '../report/coverage.ts'
import { findingLines } from '../report/findings-text.ts'
import { runReport } from '../report/json.ts'
import { terminalReport } from '../report/terminal.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start, wholeNumber } from './options.ts'
import { prometheusPlan } from './prometheus-plan.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUp, type SetUpOptions, setUp } from './set-up.ts'

export interface LiveOptions extends SetUpOptions {
  readonly speed: number
  readonly seed?: number
  readonly json: boolean
  readonly compare: boolean
  readonly prometheus?: string
  readonly alertmanager?: string
}

/** Defines the command on the command line. */
export function addLiveCommand(program: Command, start: Start): void {
  program
    .command('live')
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
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill live service-down --speed 60      15 minutes in 15 seconds, and the page that Alertmanager sent
  $ firedrill live high-latency-p95             in real time: nothing is rewritten, everything is confirmed`,
    )
    .action((name: string, options: LiveOptions) => start((context) => liveCommand(name, options, context)))
}

/** @returns the exit code */
export async function liveCommand(name: string, options: LiveOptions, context: CommandContext): Promise<number> {
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
    const createJudge = async () => createEmbeddedJudge(engine)
    const { wallClock } = context
    console.progress('the virtual run, to compare with')
    virtual = await runDrill(chosen, { config, groups, foreignRules, createJudge, temporaryFolder, wallClock })
  }
  const parts = Object.keys(documentedPorts)
  let live: LiveDrillResult
  try {
    live = await runLiveDrill(chosen, {
      speed: options.speed,
      ports: await freePorts('127.0.0.1', parts),
      folder: join(context.temporaryFolder(), 'live'),
      environment: context.environment,
      telemetry: { lokiUrl: undefined, tracesUrl: undefined, tracesExporter: 'otlp' },
      kafkaBrokers: context.environment.FIREDRILL_KAFKA_BROKERS?.split(','),
      prometheus: await prometheusPlan(binaries.prometheus, set),
      alertmanager: binaries.alertmanager,
      groups,
      foreignRules,
      panels:
        dashboards.length > 0
          ? { dashboards, foreign: set.source.foreignDashboards, inspect: (text) => engine.inspect(text) }
          : undefined,
      virtual,
      onPlatform(created) {
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
  print(live, virtual, { set, options, context, wallSeconds: (context.wallClock() - startedMs) / 1000 })
  return live.result.exitCode
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

interface Printing {
  readonly set: SetUp
  readonly options: LiveOptions
  readonly context: CommandContext
  readonly wallSeconds: number
}

function print(live: LiveDrillResult, virtual: DrillResult | undefined, printing: Printing): void {
  const { console, version } = printing.context
  const { set, options, wallSeconds } = printing
  const { result, notifications, notConfirmed } = live
  const { alerts, dashboards, dashboardProblems } = set.loaded!
  const coverage = coverageOfRules(alerts, [result])
  const panels = coverageOfPanels(dashboards, [result], set.project.coverage?.still)
  if (options.json) {
    const report = runReport({
      version,
      results: [result],
      coverage,
      panels,
      dashboardProblems,
      noticed: noticedIn(result),
      observations: [],
      exitCode: result.exitCode,
    })
    const { speed, jitterMs } = live
    const shown = { speed, jitterMs, notConfirmed, notifications, virtual: virtual ?? null }
    console.out(JSON.stringify({ ...report, live: shown }, undefined, 2))
    return
  }
  const repeat = () => ['firedrill live', result.scenario, `--speed ${options.speed}`].join(' ')
  for (const line of terminalReport({
    results: [result],
    coverage,
    panels,
    wallSeconds,
    paint: console.paint,
    repeat,
  })) {
    console.out(line)
  }
  for (const line of findingLines(noticedIn(result), console.paint, true)) console.out(line)
  for (const line of [...comparison(result, virtual), ...unconfirmedLines(live), ...pages(notifications, live)]) {
    console.out(line)
  }
}

function noticedIn({ findings, scenario }: DrillResult): RunFindings {
  return { findings: findings.map((finding) => ({ ...finding, drills: [scenario] })), ignored: [], needless: [] }
}

function comparison(live: DrillResult, virtual: DrillResult | undefined): string[] {
  if (!virtual) return []
  const time = (seconds: readonly [number, number] | null) =>
    seconds ? seconds.map(formatClock).join(' to ') : 'never'
  const fired = live.alerts.flatMap((here) => {
    const there = virtual.alerts.find(({ alertname }) => alertname === here.alertname)
    return there && (here.firingAt || there.firingAt) ? [{ here, there }] : []
  })
  if (fired.length === 0) return ['', 'Both worlds: nothing fires.']
  return [
    '',
    'Both worlds (firing, resolved):',
    ...fired.map(
      ({ here, there }) =>
        `  ${here.alertname.padEnd(27)} virtual ${time(there.firingAt)}, ${time(there.resolvedAt)}; ` +
        `live ${here.firingAt ? formatClock(here.firingAt[0]) : 'never'}, ${here.resolvedAt ? formatClock(here.resolvedAt[0]) : 'never'}`,
    ),
  ]
}

function unconfirmedLines({ notConfirmed, speed }: LiveDrillResult): string[] {
  const byReason = new Map<string, string[]>()
  for (const [alertname, reason] of Object.entries(notConfirmed)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), alertname])
  }
  if (byReason.size === 0) return []
  return [
    '',
    `Not confirmed at ${speed} (firedrill live without --speed does):`,
    ...[...byReason].map(([reason, names]) => `  ${names.join(', ')}: ${reason}`),
  ]
}

/** What Alertmanager sent, in order; a page that it repeated is shown once. */
function pages(notifications: readonly ReportedNotification[], { notConfirmed, speed }: LiveDrillResult): string[] {
  const seen = new Set<string>()
  const lines = notifications.flatMap(({ status, startsAt, endsAt, labels, annotations }) => {
    const key = JSON.stringify([status, startsAt, labels])
    if (seen.has(key)) return []
    seen.add(key)
    const at = formatClock(status === 'firing' ? startsAt : (endsAt ?? startsAt))
    const shown = Object.entries(labels).filter(([name]) => name !== 'alertname')
    const doubt = labels.alertname! in notConfirmed ? ` (not confirmed at ${speed})` : ''
    return [
      `  ${at} ${status.toUpperCase()} ${labels.alertname} {${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}${doubt}`,
      ...(status === 'firing' && doubt === ''
        ? Object.entries(annotations).map(([name, text]) => `        ${name}: ${text}`)
        : []),
    ]
  })
  return lines.length > 0 ? ['', 'What Alertmanager sent:', ...lines] : ['', 'Alertmanager sent nothing.']
}
