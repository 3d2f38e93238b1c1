/** `firedrill score`: how fast and how reliably rules fire, and how many mistakes in them the drills would notice. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { alertsReading } from '../alerts/dependencies.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { scoreLines } from '../report/score-terminal.ts'
import type { Problem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type EquivalentMutant, readEquivalentMutants } from '../score/equivalent-mutants.ts'
import { quietDays, weakerDrills } from '../score/more-drills.ts'
import { type Mutant, mutateRule } from '../score/mutate-rule.ts'
import { expectedToFire, mutationStrength, type Scorecard, scorecardOf } from '../score/scorecard.ts'
import type { CommandContext } from './context.ts'
import type { MutantOfJob } from './drill-jobs.ts'
import { InterruptedError, JobPool } from './job-pool.ts'
import { collect, positiveNumber, type Start, wholeNumber } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, type SetUp, type SetUpOptions, setUp } from './set-up.ts'

export interface ScoreOptions extends SetUpOptions {
  readonly rule: readonly string[]
  readonly mutants: boolean
  readonly deep: boolean
  readonly days?: number
  readonly equivalent?: string
  readonly failUnder?: number
  readonly seed?: number
  readonly json: boolean
  readonly workers?: number
}

/** Severities, relative to the scenario's own, at which the time to detect is measured with --deep. */
const severities = [0.25, 0.5, 0.75]
const daysOfDeep = 1

/** Defines the command on the command line. */
export function addScoreCommand(program: Command, start: Start): void {
  program
    .command('score')
    .description('rate the rules: time to detect, misses, false alarms, flapping, and mistakes that drills notice')
    .argument('[scenario...]', 'file, name, or name/twin; all but the long ones when left out')
    .option('--rule <alert>', 'only this rule; repeatable', collect, [])
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--no-mutants', 'leave the mutants out')
    .option(
      '--equivalent <file>',
      'list of mutants that nobody can notice (default: equivalent-mutants.yaml beside prometheus.yml)',
    )
    .option('--deep', 'also time to detect at weaker faults, and a quiet day', false)
    .option('--days <n>', 'quiet days, each with a seed of its own, in which any alert is false', wholeNumber)
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--fail-under <percent>', 'exit 7 when fewer mutants are noticed, without equivalent ones', positiveNumber)
    .option('--json', 'print one JSON object instead of text', false)
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill score                             every rule over every scenario
  $ firedrill score --rule HighErrorRate        one rule, over the drills that name it
  $ firedrill score --fail-under 95             for CI
  $ firedrill score --deep --days 3             weaker faults and three quiet days, too`,
    )
    .action((names: string[], options: ScoreOptions) => start((context) => scoreCommand(names, options, context)))
}

/** @returns the exit code */
export async function scoreCommand(
  names: readonly string[],
  options: ScoreOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const startedMs = context.wallClock()
  const set = await setUp(options, context)
  const plan = planScore(names, options, set, context)
  if (typeof plan === 'number') return plan
  const pool = new JobPool({
    module: set.module,
    setup: {
      ...set.source,
      judge: 'embedded',
      prometheusBinary: undefined,
      temporaryFolder: context.temporaryFolder(),
    },
    workers: options.workers ?? context.cores,
  })
  context.onInterrupt(() => pool.stop())
  try {
    const { results, noticed } = await new ScoreRun(plan, pool, context).run()
    const card = scorecardOf({ ...plan, results, noticed })
    const wallSeconds = (context.wallClock() - startedMs) / 1000
    console.progress('')
    return report(card, results, wallSeconds, options, context)
  } catch (error) {
    console.progress('')
    if (error instanceof InterruptedError) {
      console.err('interrupted')
      return exitCodes.interrupted.code
    }
    throw error
  } finally {
    await pool.stop()
  }
}

interface ScorePlan {
  readonly alerts: readonly string[]
  /** Those of the suite first; the others measure, and do not judge mutants. */
  readonly drills: readonly Drill[]
  readonly suite: number
  readonly mutants: readonly Mutant[]
  /** Index of a rule to the alerts by which its mutants show. */
  readonly alertsOf: ReadonlyMap<number, readonly string[]>
  readonly equivalent: readonly EquivalentMutant[]
}

function planScore(
  names: readonly string[],
  options: ScoreOptions,
  { loaded, problems: ofSetup, engine, source }: SetUp,
  context: CommandContext,
): ScorePlan | number {
  const { console } = context
  const known = loaded && !loaded.foreignRules ? loaded.alerts : undefined
  const selection = { names, all: names.length === 0, tags: [], twins: true }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), known)
  const problems: Problem[] = [...ofSetup, ...selected.problems]
  for (const { name, nearest } of selected.unknown) {
    console.err(`no scenario is called "${name}"${nearest ? ` (did you mean "${nearest}"?)` : ''}`)
  }
  const wrongRules = options.rule.filter((rule) => loaded && !loaded.alerts.includes(rule))
  for (const rule of wrongRules) console.err(`no rule is called "${rule}"; there are ${loaded!.alerts.join(', ')}`)
  const alerts = (loaded?.alerts ?? []).filter((alert) => options.rule.length === 0 || options.rule.includes(alert))
  const seeded = selected.drills.map((drill) => ({ ...drill, seed: options.seed ?? drill.seed }))
  // With a rule named, drills that do not name it are left out: they could only show that it is silent there.
  const suite =
    options.rule.length === 0 ? seeded : seeded.filter(({ expect }) => options.rule.some((rule) => expect.alerts[rule]))
  const drilled = new Set(suite.flatMap(expectedToFire))
  const rules = (loaded?.groups ?? []).flatMap((group) => group.rules)
  const groups = loaded?.groups ?? []
  // A recording rule is seen through the alerts that read it.
  const alertsOf = new Map(
    rules.map((rule) => [rule.index, rule.kind === 'alerting' ? [rule.name] : alertsReading(rule, groups)]),
  )
  const wanted = rules.filter(({ index }) =>
    alertsOf.get(index)!.some((name) => alerts.includes(name) && drilled.has(name)),
  )
  const all = wanted.flatMap((rule) => mutateRule(rule, engine))
  const list = equivalentFile(options, source.configFile)
  let equivalent: readonly EquivalentMutant[] = []
  if (options.mutants && list !== undefined && loaded) {
    const every = rules.flatMap((rule) => mutateRule(rule, engine))
    const read = existsSync(list)
      ? readEquivalentMutants(list, readFileSync(list), every)
      : { equivalent: [], problems: [missing(list)] }
    equivalent = read.equivalent
    problems.push(...read.problems)
  }
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length + selected.unknown.length + wrongRules.length > 0) return exitCodes.invalid.code
  const days = options.days ?? (options.deep ? daysOfDeep : 0)
  const more = [...(options.deep ? weakerDrills(suite, alerts, severities) : []), ...quietDays(suite, days)]
  return {
    alerts,
    drills: [...suite, ...more],
    suite: suite.length,
    mutants: options.mutants ? all : [],
    alertsOf,
    equivalent,
  }
}

/** The file that the user names, else the one beside prometheus.yml when the rules are those of that file. */
function equivalentFile({ equivalent, rules }: ScoreOptions, configFile: string): string | undefined {
  if (equivalent !== undefined) return equivalent
  const beside = join(dirname(configFile), 'equivalent-mutants.yaml')
  return rules === undefined && existsSync(beside) ? beside : undefined
}

function missing(file: string): Problem {
  return { file, line: 1, column: 1, path: '', message: 'there is no such file', hint: undefined }
}

/**
 * First every drill judges the mutants of the rules that it names. What survives there is shown to the other drills, whose
 * samples were kept: most mutants are noticed early, so this is little.
 */
class ScoreRun {
  readonly #plan: ScorePlan
  readonly #pool: JobPool
  readonly #context: CommandContext
  readonly #noticed = new Map<Mutant, { drill: string; what: string }>()
  readonly #virtualMs: number[]
  readonly #startedMs: number

  constructor(plan: ScorePlan, pool: JobPool, context: CommandContext) {
    this.#plan = plan
    this.#pool = pool
    this.#context = context
    this.#virtualMs = plan.drills.map(() => 0)
    this.#startedMs = context.wallClock()
  }

  async run(): Promise<{ results: DrillResult[]; noticed: Map<Mutant, { drill: string; what: string }> }> {
    const { drills } = this.#plan
    const results: DrillResult[] = new Array(drills.length)
    const longestFirst = drills.map((_, i) => i).sort((a, b) => drills[b]!.lengthMs - drills[a]!.lengthMs || a - b)
    await Promise.all(
      longestFirst.map(async (i) => {
        results[i] = await this.#record(i)
        this.#virtualMs[i] = drills[i]!.lengthMs
        this.#tell('drills')
      }),
    )
    await this.#showSurvivors()
    return { results, noticed: this.#noticed }
  }

  async #record(i: number): Promise<DrillResult> {
    const drill = this.#plan.drills[i]!
    const mutants = i < this.#plan.suite ? this.#mutantsNamedBy(drill) : []
    const job = { type: 'record', drill, folder: this.#folder(i), mutants } as const
    const { result, verdicts } = await this.#pool.do(job, (virtualMs) => {
      this.#virtualMs[i] = virtualMs
      this.#tell('drills')
    })
    this.#note(verdicts, drill)
    return result
  }

  async #showSurvivors(): Promise<void> {
    const { drills, suite } = this.#plan
    let done = 0
    await Promise.all(
      drills.slice(0, suite).map(async (drill, i) => {
        const named = new Set(this.#mutantsNamedBy(drill).map(({ id }) => id))
        const mutants = this.#toJudge((id, mutant) => !named.has(id) && !this.#noticed.has(mutant))
        if (mutants.length > 0) {
          this.#note(await this.#pool.do({ type: 'mutants', folder: this.#folder(i), mutants }), drill)
        }
        done += 1
        this.#context.console.progress(`survivors: ${done}/${suite} drills`)
      }),
    )
  }

  #mutantsNamedBy({ expect }: Drill): MutantOfJob[] {
    return this.#toJudge((_, { original }) =>
      this.#plan.alertsOf.get(original.index)!.some((name) => expect.alerts[name] !== undefined),
    )
  }

  #toJudge(isWanted: (id: number, mutant: Mutant) => boolean): MutantOfJob[] {
    return this.#plan.mutants.flatMap((mutant, id) => (isWanted(id, mutant) ? [{ id, rule: mutant.rule }] : []))
  }

  /** The first drill in the order of the suite counts, whichever thread was first. */
  #note(verdicts: readonly { id: number; noticed: string | undefined }[], { name }: Drill): void {
    const position = (drill: string) => this.#plan.drills.findIndex((one) => one.name === drill)
    for (const { id, noticed } of verdicts) {
      if (noticed === undefined) continue
      const mutant = this.#plan.mutants[id]!
      const before = this.#noticed.get(mutant)
      if (!before || position(name) < position(before.drill)) this.#noticed.set(mutant, { drill: name, what: noticed })
    }
  }

  #folder(i: number): string {
    return join(this.#context.temporaryFolder(), `record-${i}`)
  }

  #tell(what: string): void {
    const { drills } = this.#plan
    const all = drills.reduce((sum, { lengthMs }) => sum + lengthMs, 0)
    const share = this.#virtualMs.reduce((sum, ms) => sum + ms, 0) / all
    const elapsed = Math.round((this.#context.wallClock() - this.#startedMs) / 1000)
    const done = this.#virtualMs.filter((ms, i) => ms === drills[i]!.lengthMs).length
    this.#context.console.progress(
      `${Math.round(share * 100)} % of the simulation, ${done}/${drills.length} ${what}, ${this.#noticed.size} of ${this.#plan.mutants.length} mutants noticed, ${elapsed} s`,
    )
  }
}

function report(
  card: Scorecard,
  results: readonly DrillResult[],
  wallSeconds: number,
  { json, failUnder, mutants }: ScoreOptions,
  { console, version }: CommandContext,
): number {
  const strength = mutationStrength(card.mutants) * 100
  const tooWeak = mutants && failUnder !== undefined && strength < failUnder
  const broken = results.filter(({ exitCode }) => exitCode !== 0)
  const codes = [...results.map(({ exitCode }) => exitCode), ...(tooWeak ? [exitCodes.finding.code] : [])]
  const exitCode = worstExitCode(codes)
  if (json) {
    const failing = broken.map(({ scenario, verdict }) => ({ scenario, verdict }))
    console.out(JSON.stringify({ format: 1, version, ...card, failing, exitCode }, undefined, 2))
    return exitCode
  }
  for (const line of scoreLines(card, { paint: console.paint, mutants, wallSeconds })) console.out(line)
  for (const { scenario, verdict } of broken) {
    console.out(console.paint.red(`${scenario} does not hold (${verdict}); its failing alerts notice no mutant`))
  }
  if (tooWeak)
    console.out(console.paint.red(`${strength.toFixed(1)} % is less than the ${failUnder} % of --fail-under`))
  return exitCode
}
