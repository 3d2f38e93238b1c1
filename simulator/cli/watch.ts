/**
 * `firedrill run --watch`: runs the drills, keeps their streams, and after each edit judges again what it touches. It ends
 * with Ctrl-C: by 130 when that cut off a judgement, else by 0.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { countOf } from '../count-text.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { askServers } from '../expectations/ask-servers.ts'
import { changeLine, type WatchRound, watchLines } from '../report/watch-text.ts'
import { formatProblem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type FileChange, FileChanges, type WatchedFolders } from '../watch/file-changes.ts'
import type { KeptDrill } from '../watch/keep-drill.ts'
import {
  type ConcludedRun,
  concludeRun,
  pagesOf,
  type ReportingOptions,
  reportOfRun,
  writeReports,
} from './conclude-run.ts'
import type { CommandContext } from './context.ts'
import { InterruptedError, JobPool } from './job-pool.ts'
import type { NarrowOptions } from './narrow.ts'
import { isPush, type PushOptions } from './push.ts'
import { type Selected, scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  configFileOf,
  drillSetupOf,
  panelNameProblems,
  printDashboardProblems,
  printUnknown,
  type SetUp,
  setUp,
} from './set-up.ts'

export interface WatchOptions extends ReportingOptions, PushOptions, NarrowOptions {
  readonly all: boolean
  readonly tag: readonly string[]
  readonly twins: boolean
  readonly seed?: number
  readonly workers?: number
  readonly force: boolean
  readonly deep: boolean
}

/** @returns the exit code */
export async function watchCommand(
  names: readonly string[],
  options: WatchOptions,
  context: CommandContext,
): Promise<number> {
  const foreign = notWithWatch(options)
  if (foreign !== undefined) {
    context.console.err(`--watch can't be combined with ${foreign}`)
    return exitCodes.invalid.code
  }
  return new Watch(names, options, context).run()
}

function notWithWatch(options: WatchOptions): string | undefined {
  if (isPush(options)) return '--push: what was pushed can not be judged again'
  if (options.shard) return '--shard: a part of a run has no verdict of its own'
  if (options.changedSince !== undefined) return '--changed-since: it finds by itself what changed'
  if (options.deep) return '--deep'
  if (options.judge !== 'embedded') return `--judge ${options.judge}: it is the embedded judge that is quick enough`
  return undefined
}

/** The files as they are now: what can be run, or what is wrong. */
interface Read {
  readonly set: SetUp
  readonly selected: Selected
  readonly drills: readonly Drill[]
  readonly isUsable: boolean
}

class Watch {
  readonly #names: readonly string[]
  readonly #options: WatchOptions
  readonly #context: CommandContext
  readonly #known = new Map<string, KeptDrill>()
  #pool: JobPool | undefined
  #engine: Pick<SetUp, 'engine' | 'module'> | undefined
  #revision = 0
  #isInterrupted = false
  /** What changed and was not answered yet. */
  #changes: FileChange[] = []
  #changedAtMs = 0
  #wake: () => void = () => undefined
  #findings = new Set<string>()

  constructor(names: readonly string[], options: WatchOptions, context: CommandContext) {
    this.#names = names
    this.#options = options
    this.#context = context
  }

  async run(): Promise<number> {
    const { console, wallClock } = this.#context
    let isIdle = false
    let endedIdle = false
    const files = new FileChanges((changes) => {
      if (this.#changes.length === 0) this.#changedAtMs = wallClock()
      this.#changes.push(...changes)
      this.#wake()
    })
    this.#context.onInterrupt(async () => {
      this.#isInterrupted = true
      endedIdle = isIdle
      this.#wake()
      await this.#pool?.stop()
    })
    try {
      const first = await this.#read()
      if (first.selected.unknown.length > 0 || (first.isUsable && first.drills.length === 0)) {
        if (first.selected.unknown.length === 0) console.err('no scenario was chosen: name one, or use --all')
        return exitCodes.invalid.code
      }
      await files.watch(foldersOf(first, this.#options, this.#context))
      if (first.isUsable) await this.#firstRound(first)
      while (!this.#isInterrupted) {
        if (this.#changes.length === 0) {
          isIdle = true
          console.err(`watching ${countOf(files.count, 'file')}, Ctrl-C ends`)
          await new Promise<void>((resolve) => (this.#wake = resolve))
          isIdle = false
          continue
        }
        await this.#round()
      }
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error
    } finally {
      await files.close()
      await this.#pool?.stop()
    }
    if (endedIdle) return exitCodes.held.code
    console.err('interrupted')
    return exitCodes.interrupted.code
  }

  async #read(): Promise<Read> {
    const { console, cwd } = this.#context
    const { all, tag, twins, force, seed } = this.#options
    const set = await setUp(this.#options, this.#context, this.#engine)
    this.#engine = set
    const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
    const seriesMax = force ? { seriesMax: Number.POSITIVE_INFINITY } : {}
    const selection = { names: this.#names, all, tags: tag, twins, ...seriesMax }
    const selected = selectDrills(selection, scenariosFolder(cwd), known)
    const problems = [...set.problems, ...selected.problems, ...panelNameProblems(set, selected.loaded)]
    printUnknown(selected.unknown, this.#context)
    for (const problem of problems) console.err(formatProblem(problem))
    if (problems.length > 0) console.err(`${countOf(problems.length, 'problem')}; what was judged before stands`)
    const isUsable = problems.length === 0 && selected.unknown.length === 0
    if (isUsable) printDashboardProblems(set.loaded!.dashboardProblems, this.#context)
    const drills = selected.drills.map((drill): Drill => ({ ...drill, seed: seed ?? drill.seed }))
    return { set, selected, drills, isUsable }
  }

  /** As a run without --watch says it. */
  async #firstRound(read: Read): Promise<void> {
    const startedMs = this.#context.wallClock()
    const kept = await this.#judge(read, startedMs)
    if (!kept) return
    const finished = this.#finished(read, startedMs)
    const summary = reportOfRun(finished, this.#options.failOn, this.#context.version)
    this.#findings = new Set(summary.noticed.findings.map(nameOfFinding))
    if (this.#options.json) this.#printJson(read, kept, [], startedMs)
    else concludeRun(finished, this.#options, this.#context)
  }

  async #round(): Promise<void> {
    const { console } = this.#context
    const changes = this.#changes.map((change) => ({ ...change, path: relative(this.#context.cwd, change.path) }))
    const startedMs = this.#changedAtMs
    const taken = this.#changes.splice(0)
    const before = new Map([...this.#known].map(([name, { result }]) => [name, result]))
    if (!this.#options.json) {
      console.out('')
      console.out(changeLine(changes, this.#context.timeOfDay(), console.paint))
    }
    const read = await this.#read()
    if (!read.isUsable) return
    for (const name of this.#known.keys())
      if (!read.drills.some((drill) => drill.name === name)) this.#known.delete(name)
    const kept = await this.#judge(read, startedMs)
    if (!kept) {
      // Files changed once more on the way: the next round answers for this one, too.
      this.#changes.unshift(...taken)
      return
    }
    const summary = this.#report(read, startedMs)
    if (this.#options.json) {
      this.#printJson(read, kept, changes, startedMs)
      return
    }
    const findings = summary.noticed.findings.filter(({ severity }) => severity !== 'info')
    const round: WatchRound = {
      drills: read.drills.map(({ name }) => ({ before: before.get(name), ...kept.get(name)! })),
      gone: [...before.keys()].filter((name) => !this.#known.has(name)),
      newFindings: findings.filter((finding) => !this.#findings.has(nameOfFinding(finding))),
      seconds: (this.#context.wallClock() - startedMs) / 1000,
    }
    this.#findings = new Set(summary.noticed.findings.map(nameOfFinding))
    for (const line of watchLines(round, console.paint)) console.out(line)
  }

  #report(read: Read, startedMs: number): ConcludedRun {
    const finished = this.#finished(read, startedMs)
    const summary = reportOfRun(finished, this.#options.failOn, this.#context.version)
    writeReports(summary, finished, this.#options, this.#context)
    return summary
  }

  #finished({ set, drills, selected }: Read, startedMs: number) {
    const all = drills.map(({ name }) => this.#known.get(name)!.result)
    const { loaded: scenarios, leftOut } = selected
    return {
      set,
      drills,
      scenarios,
      all,
      interrupted: false,
      startedMs,
      dashboardCode: 0,
      leftOut,
      isWhole: this.#options.all && this.#options.twins,
    }
  }

  /** @returns what was judged, by drill; undefined when files changed on the way */
  async #judge({ set, drills }: Read, startedMs: number): Promise<Map<string, KeptDrill> | undefined> {
    const { console, cores, wallClock } = this.#context
    const setup = { ...drillSetupOf(set, this.#context), ...pagesOf(this.#options, set, this.#context) }
    const { loki, jaeger } = this.#options
    const servers = { loki, jaeger, dashboards: set.loaded!.dashboards }
    this.#revision += 1
    const workers = this.#options.workers ?? cores
    this.#pool ??= new JobPool({ module: set.module, setup, workers })
    const kept = new Map<string, KeptDrill>()
    const waiting = [...drills].sort((a, b) => b.lengthMs - a.lengthMs)
    const total = waiting.length
    const serve = async () => {
      for (let drill = waiting.shift(); drill && this.#changes.length === 0; drill = waiting.shift()) {
        const { name } = drill
        const folder = join(setup.temporaryFolder, 'watch', name.replaceAll('/', '.'))
        const job = { type: 'keep', drill, folder, setup, revision: this.#revision } as const
        const done = await this.#pool!.do(job, (virtualMs) => {
          const share = Math.round((virtualMs / drill!.lengthMs) * 100)
          const elapsed = Math.round((wallClock() - startedMs) / 1000)
          console.progress(`${kept.size}/${total} drills, ${elapsed} s  ${name} ${share} %`)
        })
        const answered = { ...done, result: await askServers(done.result, drill, servers) }
        kept.set(name, answered)
        this.#known.set(name, answered)
      }
    }
    try {
      await Promise.all(Array.from({ length: Math.min(workers, total) }, serve))
    } catch (error) {
      // A thread that reads files while they change may find them broken.
      if (error instanceof InterruptedError || this.#changes.length === 0) throw error
    }
    console.progress('')
    return kept.size === total ? kept : undefined
  }

  /** One object for each judgement, on a line of its own. */
  #printJson(
    { drills }: Pick<Read, 'drills'>,
    kept: ReadonlyMap<string, KeptDrill>,
    changes: readonly FileChange[],
    startedMs: number,
  ): void {
    const { console, version, wallClock } = this.#context
    const judged = drills.map(({ name }) => {
      const { result, simulated, rules, panels } = kept.get(name)!
      const { survey: _, ...rest } = result
      return { ...rest, judgedAgain: { simulated, rules, panels } }
    })
    const seconds = Math.round(wallClock() - startedMs) / 1000
    console.out(JSON.stringify({ format: 1, version, changes, seconds, drills: judged }))
  }
}

function nameOfFinding({ code, where, message }: { code: string; where: string; message: string }): string {
  return JSON.stringify([code, where, message])
}

/** Where the files lie that a run reads. */
function foldersOf({ set, selected }: Read, options: WatchOptions, { cwd }: CommandContext): WatchedFolders {
  const { configFile, dashboardsFolder, rulePatterns } = set.source
  const scenarios = scenariosFolder(cwd)
  const files = [
    configFileOf(options.prometheusConfig, cwd),
    configFile,
    ...(set.loaded?.config.ruleFiles ?? []),
    ...(rulePatterns ?? []).map(fixedPart),
    ...selected.loaded.flatMap(({ drills }) => drills.map(({ file }) => file)),
    ...(options.alertmanager === undefined ? [] : [options.alertmanager]),
    join(dirname(configFile), '..', 'alertmanager', 'alertmanager.yml'),
  ]
  const flat = [
    // firedrill.yaml
    cwd,
    scenarios,
    join(scenarios, 'worlds'),
    ...files.map((file) => dirname(file)),
    ...(dashboardsFolder === undefined ? [] : [join(dashboardsFolder, '..', 'provisioning', 'datasources')]),
  ]
  const known = (folders: readonly string[]) => [...new Set(folders.map((one) => resolve(cwd, one)))].filter(existsSync)
  return { flat: known(flat), deep: known(dashboardsFolder === undefined ? [] : [dashboardsFolder]) }
}

/** Of a pattern the part before its first wildcard. */
function fixedPart(pattern: string): string {
  const wild = pattern.search(/[*?[{]/)
  return wild < 0 ? pattern : `${pattern.slice(0, pattern.lastIndexOf('/', wild) + 1)}x`
}
