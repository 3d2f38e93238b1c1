/** `firedrill score`: how fast and how reliably rules fire, and how many mistakes in them the drills would notice. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { alertsReading } from '../alerts/dependencies.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes, worstExitCode } from '../drill/exit-codes.ts'
import { scorePage } from '../report/html/score-page.ts'
import { scoreLines } from '../report/score-terminal.ts'
import type { Problem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type EquivalentMutant, readEquivalentMutants } from '../score/equivalent-mutants.ts'
import type { JudgedRecord } from '../score/judge-mutants.ts'
import { quietDays, weakerDrills } from '../score/more-drills.ts'
import { drillsToShow } from '../score/mutant-order.ts'
import { type Mutant, mutateRule } from '../score/mutate-rule.ts'
import { sameCourses } from '../score/record-drills.ts'
import { expectedToFire, mutationStrength, type Scorecard, scorecardOf } from '../score/scorecard.ts'
import type { CommandContext } from './context.ts'
import type { MutantsJob } from './drill-jobs.ts'
import type { JobPool } from './job-pool.ts'
import { collect, positiveNumber, type Start, wholeNumber } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUp, type SetUpOptions, setUp } from './set-up.ts'
import { withJobPool } from './with-job-pool.ts'

export interface ScoreOptions extends SetUpOptions {
  readonly rule: readonly string[]
  readonly mutants: boolean
  readonly deep: boolean
  readonly days?: number
  readonly equivalent?: string
  readonly failUnder?: number
  readonly seed?: number
  readonly json: boolean
  readonly html?: string
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
      'list of mutants that do what the rule does (default: equivalent-mutants.yaml beside prometheus.yml)',
    )
    .option('--deep', 'also time to detect at weaker faults, and a quiet day', false)
    .option('--days <n>', 'quiet days, each with a seed of its own, in which any alert is false', wholeNumber)
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option(
      '--fail-under <percent>',
      'exit 7 when fewer mutants are noticed, of all but the equivalent ones',
      positiveNumber,
    )
    .option('--json', 'print one JSON object instead of text', false)
    .option('--html <file>', 'also write a self-contained page')
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill score                             every rule over every scenario
  $ firedrill score --rule HighErrorRate        one rule, over the drills that name it
  $ firedrill score --fail-under 95             for CI
  $ firedrill score --html score.html           also a page, to keep
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
  return withJobPool(set, options.workers, context, async (pool) => {
    const { results, noticed } = await new ScoreRun(plan, pool, context).run()
    const card = scorecardOf({ ...plan, results, noticed })
    const wallSeconds = (context.wallClock() - startedMs) / 1000
    console.progress('')
    return report(card, results, wallSeconds, options, context)
  })
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
  printUnknown(selected.unknown, context)
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

/** Mutants that one thread judges at a time: they share the samples of each drill. */
const mutantsPerJob = 10

/** First all drills are simulated and kept; then each mutant is shown to them, until one notices it. */
class ScoreRun {
  readonly #plan: ScorePlan
  readonly #pool: JobPool
  readonly #context: CommandContext
  readonly #courses: readonly (readonly Drill[])[]
  readonly #results = new Map<Drill, DrillResult>()
  readonly #noticed = new Map<Mutant, { drill: string; what: string }>()
  readonly #virtualMs: number[]
  readonly #startedMs: number

  constructor(plan: ScorePlan, pool: JobPool, context: CommandContext) {
    this.#plan = plan
    this.#pool = pool
    this.#context = context
    this.#courses = sameCourses(plan.drills)
    this.#virtualMs = this.#courses.map(() => 0)
    this.#startedMs = context.wallClock()
  }

  async run(): Promise<{ results: DrillResult[]; noticed: Map<Mutant, { drill: string; what: string }> }> {
    const lengthOf = (i: number) => this.#courses[i]![0]!.lengthMs
    const longestFirst = this.#courses.map((_, i) => i).sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)
    await Promise.all(longestFirst.map((i) => this.#record(i)))
    await this.#judgeMutants()
    return { results: this.#plan.drills.map((drill) => this.#results.get(drill)!), noticed: this.#noticed }
  }

  async #record(i: number): Promise<void> {
    const drills = this.#courses[i]!
    const job = { type: 'record', drills, folder: this.#folder(i), alerts: this.#plan.alerts } as const
    const results = await this.#pool.do(job, (virtualMs) => {
      this.#virtualMs[i] = virtualMs
      this.#tellSimulated()
    })
    for (const [position, drill] of drills.entries()) this.#results.set(drill, results[position]!)
    this.#virtualMs[i] = drills[0]!.lengthMs
    this.#tellSimulated()
  }

  async #judgeMutants(): Promise<void> {
    const jobs = this.#mutantJobs()
    let judged = 0
    await Promise.all(
      jobs.map(async (job) => {
        for (const { id, noticed } of await this.#pool.do(job)) {
          if (noticed) this.#noticed.set(this.#plan.mutants[id]!, noticed)
        }
        judged += job.mutants.length
        const { size } = this.#noticed
        this.#tell(`${judged} of ${this.#plan.mutants.length} mutants judged, ${size} noticed`)
      }),
    )
  }

  #mutantJobs(): MutantsJob[] {
    const { drills, suite, mutants, alertsOf } = this.#plan
    // Drills that only measure judge nothing.
    const judging = new Set(drills.slice(0, suite))
    const courses = this.#courses.map((course) => course.filter((drill) => judging.has(drill)))
    const byRule = new Map<number, MutantsJob['mutants'][number][]>()
    for (const [id, { original, rule }] of mutants.entries()) {
      byRule.set(original.index, [...(byRule.get(original.index) ?? []), { id, rule }])
    }
    return [...byRule].flatMap(([index, ofRule]) => {
      const alerts = alertsOf.get(index)!
      const records = drillsToShow(courses, alerts).map((drill) => this.#recordOf(drill))
      const count = Math.ceil(ofRule.length / mutantsPerJob)
      // Every n-th, so that each job has its share of those that are hard to notice.
      return Array.from({ length: count }, (_, i) => ({
        type: 'mutants' as const,
        records,
        mutants: ofRule.filter((_, position) => position % count === i),
      }))
    })
  }

  #recordOf(drill: Drill): JudgedRecord {
    const { alerts, steady } = this.#results.get(drill)!
    const held = alerts.filter(({ ok }) => ok).map(({ alertname }) => alertname)
    const course = this.#courses.findIndex((drills) => drills.includes(drill))
    return { folder: this.#folder(course), drill, held: { alerts: held, steady: steady?.ok === true } }
  }

  #folder(i: number): string {
    return join(this.#context.temporaryFolder(), `record-${i}`)
  }

  #tellSimulated(): void {
    const lengths = this.#courses.map(([longest]) => longest!.lengthMs)
    const all = lengths.reduce((sum, ms) => sum + ms, 0)
    const share = this.#virtualMs.reduce((sum, ms) => sum + ms, 0) / all
    const done = this.#virtualMs.filter((ms, i) => ms === lengths[i]).length
    this.#tell(`${Math.round(share * 100)} % of the simulation, ${done}/${lengths.length} drills`)
  }

  #tell(what: string): void {
    const elapsed = Math.round((this.#context.wallClock() - this.#startedMs) / 1000)
    this.#context.console.progress(`${what}, ${elapsed} s`)
  }
}

function report(
  card: Scorecard,
  results: readonly DrillResult[],
  wallSeconds: number,
  { json, html, failUnder, mutants }: ScoreOptions,
  { console, version }: CommandContext,
): number {
  const strength = mutationStrength(card.mutants) * 100
  const tooWeak = mutants && failUnder !== undefined && strength < failUnder
  const broken = results.filter(({ exitCode }) => exitCode !== 0)
  const codes = [...results.map(({ exitCode }) => exitCode), ...(tooWeak ? [exitCodes.finding.code] : [])]
  const exitCode = worstExitCode(codes)
  const failing = broken.map(({ scenario, verdict }) => ({ scenario, verdict }))
  if (html !== undefined) {
    mkdirSync(dirname(html), { recursive: true })
    writeFileSync(html, scorePage({ card, mutants, failing, version }))
  }
  if (json) {
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
