/** `firedrill verify`: the seven suites of the testing guide against a live stack, with figures. */
import { type Command, InvalidArgumentError } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { findBinary, howToGet } from '../judge/prometheus/find-binary.ts'
import { LivePartError } from '../live/live-platform.ts'
import { withoutAbsent } from '../live/verify/answering.ts'
import { type Check, runSuite, type Stack, type State, type Suite } from '../live/verify/check.ts'
import { verifyDashboards } from '../live/verify/dashboard-suite.ts'
import { verifyEndToEnd } from '../live/verify/end-to-end-suite.ts'
import { verifyExamples } from '../live/verify/example-suite.ts'
import { verifyLogs } from '../live/verify/log-suite.ts'
import { verifyMetrics } from '../live/verify/metrics-suite.ts'
import { verifyRules } from '../live/verify/rule-suite.ts'
import { VerifiedStack } from '../live/verify/start-stack.ts'
import { verifyTraces } from '../live/verify/trace-suite.ts'
import type { Paint } from '../report/terminal.ts'
import type { Drill } from '../scenario/scenario.ts'
import { createTenants } from '../workload/tenants.ts'
import type { CommandContext } from './context.ts'
import { collect, type Start } from './options.ts'
import { prometheusPlan } from './prometheus-plan.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, type SetUp, setUp } from './set-up.ts'

export interface VerifyOptions {
  readonly suite: readonly string[]
  readonly running: boolean
  readonly backend?: string
  readonly prometheus?: string
  readonly alertmanager?: string
  readonly loki?: string
  readonly jaeger?: string
  readonly otlp?: string
  readonly json: boolean
}

const suiteNames = [
  'metrics collection',
  'dashboards',
  'log aggregation',
  'distributed tracing',
  'alert rules',
  'instrumentation examples',
  'end to end',
] as const

/** Defines the command on the command line. */
export function addVerifyCommand(program: Command, start: Start): void {
  program
    .command('verify')
    .description('run the seven test suites against a live stack and print the success checklist')
    .option('--suite <n>', 'only this suite, 1 to 7; repeatable', suiteNumber, [])
    .option('--running', 'verify the stack that runs on the documented ports; start nothing', false)
    .option('--backend <url>', 'backend API of a running stack')
    .option('--prometheus <url>', 'Prometheus of a running stack')
    .option('--alertmanager <url>', 'Alertmanager of a running stack')
    .option('--loki <url>', 'Loki of a running stack')
    .option('--jaeger <url>', 'Jaeger (its query port) of a running stack')
    .option('--otlp <url>', 'where that Jaeger takes spans, OTLP over HTTP')
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText(
      'after',
      `
Suites:
${suiteNames.map((name, i) => `  ${i + 1}  ${name}`).join('\n')}

Without --running and addresses it starts a stack of its own on free ports: the live platform with the Prometheus and
Alertmanager of this machine, and with Loki and Jaeger where "npm run real-stack" has built them.

Examples:
  $ firedrill verify                            all seven, in about three minutes
  $ firedrill verify --suite 1 --suite 5        scrapes and rules alone
  $ firedrill verify --running                  the stack of docker compose or of firedrill up`,
    )
    .action((options: VerifyOptions) => start((context) => verifyCommand(options, context)))
}

function suiteNumber(text: string, before: string[]): string[] {
  if (!/^[1-7]$/.test(text)) throw new InvalidArgumentError('It must be a suite, 1 to 7.')
  return collect(text, before)
}

/** @returns 0 when every suite that was asked for has passed, 1 when one failed, 6 when one could not be judged */
export async function verifyCommand(options: VerifyOptions, context: CommandContext): Promise<number> {
  const { console } = context
  const set = await setUp({ dashboards: true }, context)
  const drill = quietDrill(set, context)
  if (typeof drill === 'number') return drill
  const wanted =
    options.suite.length > 0 ? [...new Set(options.suite.map(Number))].sort() : suiteNames.map((_, i) => i + 1)
  const given = givenStack(options)
  let own: VerifiedStack | undefined
  let interrupted = false
  context.onExit(() => own?.killAll())
  context.onInterrupt(async () => {
    interrupted = true
    await own?.stop()
  })
  try {
    let stack: Stack
    let otlpUrl: string | undefined
    if (given) {
      const assumed = (['loki', 'jaeger'] as const).filter((part) => options[part] === undefined)
      const found = await withoutAbsent(given, assumed)
      stack = found.stack
      for (const note of found.notes) console.err(note)
      otlpUrl = options.otlp ?? (stack.jaeger && 'http://localhost:4318')
    } else {
      const servers = await findServers(set, context)
      if (typeof servers === 'number') return servers
      if (interrupted) return exitCodes.interrupted.code
      own = new VerifiedStack({
        ...servers,
        drill,
        folder: context.temporaryFolder(),
        environment: context.environment,
        onProgress: (what) => console.progress(what),
      })
      ;({ stack, otlpUrl } = await own.start())
    }
    const [tenant] = createTenants(drill.world)
    const runs: Readonly<Record<number, () => Promise<readonly Check[]>>> = {
      1: () =>
        verifyMetrics(
          stack,
          set.loaded!.config.jobs.reduce((sum, { targets }) => sum + targets.length, 0),
        ),
      2: () => verifyDashboards(stack, set.loaded!.dashboards, set.loaded!.dashboardProblems),
      3: () => verifyLogs(stack),
      4: () => verifyTraces(stack, tenant!.id),
      5: () => verifyRules(stack, set.loaded!.groups),
      6: () => verifyExamples(stack, { environment: context.environment, otlpUrl }),
      7: () => verifyEndToEnd(stack, tenant!.id),
    }
    const suites: Suite[] = []
    for (const number of wanted) {
      const name = suiteNames[number - 1]!
      console.progress(`suite ${number} of ${suiteNames.length}: ${name}`)
      const suite = await runSuite(number, name, runs[number]!)
      if (interrupted) break
      suites.push(suite)
      console.progress('')
      if (!options.json) for (const line of suiteLines(suite, console.paint)) console.out(line)
    }
    if (interrupted) return exitCodes.interrupted.code
    return conclude(suites, options, context)
  } catch (error) {
    console.progress('')
    if (interrupted) return exitCodes.interrupted.code
    if (!(error instanceof LivePartError)) throw error
    console.err(error.message)
    return exitCodes.judge.code
  } finally {
    console.progress('')
    await own?.stop()
  }
}

function conclude(suites: readonly Suite[], { json }: VerifyOptions, { console, version }: CommandContext): number {
  const count = (state: State) => suites.filter((suite) => suite.state === state).length
  const exitCode =
    count('failed') > 0 ? exitCodes.failed.code : count('not judged') > 0 ? exitCodes.judge.code : exitCodes.held.code
  if (json) {
    console.out(JSON.stringify({ format: 1, version, suites, passed: count('passed'), exitCode }, undefined, 2))
    return exitCode
  }
  const rest = (['failed', 'not judged'] as const).filter((state) => count(state) > 0)
  const others = rest.map((state) => `${count(state)} ${state}`).join(', ')
  console.out('')
  console.out(`${count('passed')} of ${suites.length} suites passed${others && `; ${others}`}`)
  return exitCode
}

function suiteLines({ number, name, state, checks }: Suite, paint: Paint): string[] {
  const width = Math.min(44, Math.max(...checks.map(({ what }) => what.length)))
  return [
    `${mark(state, paint)} ${paint.bold(`${number}  ${name}`)}`,
    ...checks.map((check) => {
      const judged = check.state === 'not judged' ? `not judged: ${check.detail}` : check.detail
      return `  ${mark(check.state, paint)} ${check.what.padEnd(width)}  ${judged}`
    }),
  ]
}

function mark(state: State, paint: Paint): string {
  return state === 'passed' ? paint.green('✓') : state === 'failed' ? paint.red('✗') : paint.yellow('-')
}

/** The load of an ordinary day; nothing is broken but what a suite breaks itself. */
function quietDrill(set: SetUp, context: CommandContext): Drill | number {
  const selection = { names: ['steady-state'], all: false, tags: [], twins: false }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), undefined)
  const problems = [...set.problems, ...selected.problems]
  if (problems.length > 0) printProblems(problems, context)
  const [drill] = selected.drills
  if (problems.length > 0 || !drill) return exitCodes.invalid.code
  const lengthMs = 24 * 3_600_000
  return { ...drill, lengthMs, load: [{ startMs: 0, endMs: lengthMs, fromPerSecond: 8, toPerSecond: 8, daily: 0 }] }
}

/** @returns undefined when nothing says that a stack runs already */
function givenStack(options: VerifyOptions): Stack | undefined {
  const { backend, prometheus, alertmanager, loki, jaeger, running } = options
  if (!running && [backend, prometheus, alertmanager, loki, jaeger].every((url) => url === undefined)) return undefined
  const base = (url: string) => url.replace(/\/+$/, '')
  const named = (url: string | undefined, documented: string) => base(url ?? documented)
  return {
    backendApi: named(backend, 'http://localhost:8000'),
    prometheus: named(prometheus, 'http://localhost:9090'),
    alertmanager: alertmanager ?? (running ? 'http://localhost:9093' : undefined),
    loki: running || loki !== undefined ? named(loki, 'http://localhost:3100') : undefined,
    jaeger: running || jaeger !== undefined ? named(jaeger, 'http://localhost:16686') : undefined,
    outage: undefined,
  }
}

async function findServers(set: SetUp, context: CommandContext) {
  const prometheus = findBinary('prometheus', context.environment)
  if (!prometheus) {
    context.console.err(`a live stack needs Prometheus, which is not installed. ${howToGet}`)
    return exitCodes.judge.code
  }
  const alertmanager = findBinary('alertmanager', context.environment)
  return {
    prometheus: await prometheusPlan(prometheus.path, set),
    alertmanager: alertmanager && { binary: alertmanager.path },
  }
}
