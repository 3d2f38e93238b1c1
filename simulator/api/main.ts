/**
 * What `import ... from 'firedrill'` gives: drills from a program, for example from a test of alert rules. The same drills
 * and verdicts as `firedrill run`, as data. docs/programmatic.md shows how it is used.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FinishedRun, reportOfRun } from '../cli/conclude-run.ts'
import type { CommandContext } from '../cli/context.ts'
import { chooseJudge, drillSetupOf, printDashboardProblems, setUp } from '../cli/set-up.ts'
import { WorkerPool } from '../cli/worker-pool.ts'
import { JudgeError } from '../judge/judge.ts'
import { packageRoot } from '../package-root.ts'
import type { RunReport } from '../report/json.ts'
import { InputError } from '../scenario/problem.ts'
import {
  type CommonOptions,
  checkOptions,
  type Path,
  pathOf,
  type RunDrillOptions,
  type RunDrillsOptions,
} from './drill-options.ts'
import type { DrillReport } from './format-report.ts'
import { type Asked, findDrills } from './select-drills.ts'

export type {
  AlertEpisode,
  AlertInstance,
  AlertResult,
  EffectResult,
  EventSpan,
  ExpectationResult,
  Finding,
  Interval,
  PanelResult,
  Verdict,
} from '../drill/drill-result.ts'
export { JudgeError } from '../judge/judge.ts'
export type { RunReport } from '../report/json.ts'
export { InputError, type Problem } from '../scenario/problem.ts'
export type {
  CommonOptions,
  Path,
  RunDrillOptions,
  RunDrillsOptions,
  ScenarioObject,
  ScenarioObjectEvent,
} from './drill-options.ts'
export { type DrillReport, formatReport } from './format-report.ts'

/**
 * Runs one drill in a thread of its own, and gives what happened: verdict, alerts with their times and texts, panels, logs,
 * traces, findings. An expectation that fails is a result, never thrown.
 *
 * @throws InputError when options, scenario, rules, scrape config or alertmanager.yml are wrong; `problems` has all of it
 * @throws JudgeError when the judge that was asked for is not there, or did not answer
 * @throws Error with seed and stack for a bug of Firedrill
 * @throws the signal's reason when the signal aborts
 */
export async function runDrill(options: RunDrillOptions): Promise<DrillReport> {
  checkOptions('runDrill', options)
  const { scenario } = options
  const { drills, findings } = await run({ scenarios: [scenario], tags: [], twins: false }, options, 1)
  return { ...concluded(drills[0]!), findings }
}

/**
 * Runs several drills at a time, twins included, and gives the object that `firedrill run --json` prints. A drill that came
 * to no result is one of the results: `judge did not answer` or `internal error`, with the reason in its notes.
 *
 * @throws InputError, JudgeError and the signal's reason as `runDrill` does, before anything runs
 */
export async function runDrills(options: RunDrillsOptions): Promise<RunReport> {
  checkOptions('runDrills', options)
  const { scenarios, tags = [], twins = true, workers = availableParallelism() } = options
  return run({ scenarios, tags, twins }, options, workers)
}

/** A drill without a result has no alerts to look at: a caller that looks for one must learn why. */
function concluded(drill: RunReport['drills'][number]): RunReport['drills'][number] {
  const { verdict, scenario, seed, notes } = drill
  if (verdict === 'judge did not answer') throw new JudgeError(`${scenario}, seed ${seed}: ${notes.join('\n')}`)
  if (verdict !== 'internal error') return drill
  throw new Error(`firedrill has a bug, found by ${scenario} with seed ${seed}: ${notes.join('\n')}`)
}

async function run(asked: Asked, options: CommonOptions, workers: number): Promise<RunReport> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const { context, close } = createContext()
  try {
    const set = await setUp(filesOf(options), context)
    const { drills, leftOut, scenarios, problems } = findDrills(asked, set, context.cwd)
    const wrong = [...set.problems, ...problems]
    if (wrong.length > 0) throw new InputError(wrong)
    const judge = await chooseJudge(
      {
        judge: options.judge ?? 'embedded',
        ...(options.prometheus !== undefined && { prometheus: pathOf(options.prometheus) }),
      },
      context,
    )
    if (typeof judge === 'number') throw new JudgeError(context.said.join('\n'))
    signal?.throwIfAborted()
    const seeded = drills.map((drill) => ({ ...drill, seed: options.seed ?? drill.seed }))
    const pool = new WorkerPool(seeded, {
      module: set.module,
      setup: drillSetupOf(set, context, judge),
      workers,
      judge: judge.identity,
      onProgress: ({ virtualMsDone, virtualMs }) => onProgress?.(virtualMsDone / virtualMs),
    })
    const all = await untilAborted(pool, signal, context)
    const dashboardCode = printDashboardProblems(set.loaded!.dashboardProblems, context)
    const finished: FinishedRun = {
      set,
      drills: seeded,
      scenarios,
      all,
      interrupted: false,
      startedMs: 0,
      dashboardCode,
      leftOut,
    }
    return reportOfRun(finished, undefined, context.version).report
  } finally {
    close()
  }
}

async function untilAborted(pool: WorkerPool, signal: AbortSignal | undefined, context: CommandContext) {
  const stop = () => void pool.stop()
  context.onExit(() => pool.killChildren())
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const results = await pool.run()
    signal?.throwIfAborted()
    return results
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function filesOf({ rules, prometheusConfig, alertmanager, dashboards }: CommonOptions): Parameters<typeof setUp>[0] {
  const patterns = rules === undefined ? undefined : isMany(rules) ? rules.map(pathOf) : [pathOf(rules)]
  return {
    ...(patterns && { rules: patterns.join(',') }),
    ...(prometheusConfig !== undefined && { prometheusConfig: pathOf(prometheusConfig) }),
    ...(alertmanager !== undefined && { alertmanager: pathOf(alertmanager) }),
    ...(dashboards !== undefined && { dashboards: dashboards === false ? false : pathOf(dashboards) }),
  }
}

function isMany(paths: Path | readonly Path[]): paths is readonly Path[] {
  return Array.isArray(paths)
}

/** What the command line takes from the process; what it would print is kept, for the message of an error. */
function createContext(): { context: CommandContext & { readonly said: readonly string[] }; close(): void } {
  const said: string[] = []
  const cleaning: (() => void)[] = []
  let folder: string | undefined
  const clean = () => {
    for (const one of cleaning) one()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    folder = undefined
  }
  process.on('exit', clean)
  const plain = (text: string) => text
  const context = {
    said,
    console: {
      out() {},
      err: (line: string) => void said.push(line),
      progress() {},
      screen: () => false,
      screenColumns: 80,
      isTerminal: false,
      paint: { bold: plain, dim: plain, green: plain, red: plain, yellow: plain },
      columns: 80,
    },
    cwd: process.cwd(),
    environment: process.env,
    version: (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version,
    temporaryFolder() {
      folder ??= mkdtempSync(join(tmpdir(), 'firedrill-'))
      return folder
    },
    // A program stops a drill by its signal.
    onInterrupt() {},
    onExit: (last: () => void) => void cleaning.push(last),
    wallClock: () => performance.now(),
    timeOfDay: () => '',
    cores: availableParallelism(),
    nodeVersion: process.version,
    pid: process.pid,
  }
  return {
    context,
    close() {
      process.off('exit', clean)
      clean()
    },
  }
}
