/** `firedrill run`: runs drills and says which expectations held. */
import { type Command, Option } from 'commander'
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { askServers } from '../expectations/ask-servers.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { deepDrills } from '../findings/deep-drills.ts'
import { placeInTime } from '../push/place-in-time.ts'
import type { Drill } from '../scenario/scenario.ts'
import { addCiOptions } from './ci-outputs.ts'
import { concludeRun, pagesOf } from './conclude-run.ts'
import type { CommandContext } from './context.ts'
import { withMeasuredThresholds } from './deep-thresholds.ts'
import { addNarrowOptions, narrow } from './narrow.ts'
import { collect, positiveNumber, type Start, serverUrl, wholeNumber } from './options.ts'
import { addPushOptions, isPush, pushCommand } from './push.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  chooseJudge,
  drillSetupOf,
  type JudgeOptions,
  panelNameProblems,
  printDashboardProblems,
  printProblems,
  printUnknown,
  setUp,
} from './set-up.ts'
import { shardOf } from './shard.ts'
import { writeShard } from './shard-file.ts'
import { type WatchOptions, watchCommand } from './watch.ts'
import { type PoolProgress, WorkerPool } from './worker-pool.ts'

export interface RunOptions extends WatchOptions, JudgeOptions {
  readonly watch: boolean
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
    .option(
      '--deep',
      'for findings: also drill quiet mornings of more seeds and an idle platform, and measure what fires each rule',
      false,
    )
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
    .option('--watch', 'stay, and judge again what an edit of a rule, dashboard or scenario touches', false)
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
  $ firedrill run kafka-lag-spike --watch       an edit shows its verdict in about a second
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
      return start((context) => (chosen.watch ? watchCommand : runCommand)(names, chosen, context))
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
  printUnknown(selected.unknown, context)
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
    setup: { ...drillSetupOf(set, context, judge), ...pagesOf(options, set, context) },
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
  let all: DrillResult[] = []
  const { loki, jaeger } = options
  const servers = { loki, jaeger, dashboards: set.loaded!.dashboards }
  for (const [i, result] of (await pool.run()).entries()) all.push(await askServers(result, drills[i]!, servers))
  console.progress('')
  if (options.deep && !interrupted) {
    const measured = await withMeasuredThresholds(drills, all, whole, set, options.workers, context)
    if (typeof measured === 'number') interrupted = true
    else all = measured
  }
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
      isWhole: options.all && options.tag.length === 0 && options.twins && !options.changedSince && !options.shard,
    },
    options,
    context,
  )
}

/** The signals that the servers were given are those of the drill at the time at which it was pushed. */
function atTimeOfServers(drill: Drill, { loki, jaeger, ending, history }: RunOptions): Drill {
  if ((loki ?? jaeger) === undefined || ending === 'now') return drill
  return placeInTime(drill, { endingMs: ending, ...(history !== undefined && { historyMs: history }) })
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
