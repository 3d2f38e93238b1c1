/** `firedrill up`: the live platform on this machine until Ctrl-C, with one status screen. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { RuleGroup } from '../alerts/load-rules.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { findBinary, howToGet } from '../judge/prometheus/find-binary.ts'
import { readAgents } from '../live/agent/read-agents.ts'
import { controlFilePath, readControlFile, removeControlFile, writeControlFile } from '../live/control-file.ts'
import { LivePartError, LivePlatform, type LivePlatformOptions } from '../live/live-platform.ts'
import { addressOfPart, documentedPorts, platformSettings } from '../live/platform-settings.ts'
import { playTimeline } from '../live/play-timeline.ts'
import { findClashes } from '../live/ports.ts'
import { createStatusReader } from '../live/read-status.ts'
import { unconfirmable } from '../live/speed/confirmable.ts'
import { type PlatformStatus, statusLine, statusScreen } from '../live/status-screen.ts'
import { LiveKernel } from '../live/traffic/live-kernel.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start, wholeNumber } from './options.ts'
import { prometheusPlan } from './prometheus-plan.ts'
import {
  addRealServerOptions,
  partsReplaced,
  type RealServerOptions,
  realServers,
  withoutEmpty,
} from './real-servers.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUp, type SetUpOptions, setUp } from './set-up.ts'

export interface UpOptions extends SetUpOptions, RealServerOptions {
  readonly scenario: string
  readonly speed: number
  readonly seed?: number
  readonly withPrometheus: boolean
  readonly logs?: string
  readonly listen?: string
  readonly webhook?: number
  readonly agents?: string
  readonly controlHost?: string
  readonly printSettings: boolean
}

const host = '127.0.0.1'
const screenEveryMs = 1_000
/** Where there is no terminal, the state is told when it changes, and at least this often. */
const lineEveryMs = 60_000

/** Defines the command on the command line. */
export function addUpCommand(program: Command, start: Start): void {
  addRealServerOptions(program.command('up'))
    .description('run the platform live on this machine until Ctrl-C, without containers')
    .option('--scenario <name>', 'play the load and the faults of a scenario', 'steady-state')
    .option('--speed <k>', 'so many times faster than real time', positiveNumber, 1)
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--no-with-prometheus', 'start no Prometheus and no Alertmanager, even when they are installed')
    .option('--logs <dir>', 'write the logs of the processes there, a file each')
    .option(
      '--listen <address>',
      'where services and exporters listen, for example 0.0.0.0 in a container (default: 127.0.0.1)',
    )
    .option(
      '--agents <part=host:port,...>',
      'start no services and exporters, but direct the agents that run them (firedrill agent)',
    )
    .option('--control-host <name>', 'name of this host where the agents are; the control port then listens there, too')
    .option('--webhook <port>', 'tell what an Alertmanager sends to /alertmanager on this port', positiveNumber)
    .option('--print-settings', 'print what the processes are told, and start nothing', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill up                                          then, in a second terminal:
  $ firedrill fault inject service.crash target.service=ml-engine --hold 2m
  $ firedrill up --scenario bad-deploy --speed 10         the incident, ten times as fast

Each part in a container of its own (docker-compose.yml does that):
  $ firedrill agent backend-api --listen 0.0.0.0:8099     there, and likewise ml-engine, data-pipeline and exporters
  $ firedrill up --listen 0.0.0.0 --control-host traffic --agents \
      backend-api=backend-api:8099,ml-engine=ml-engine:8099,data-pipeline=data-pipeline:8099,exporters=exporters:8099`,
    )
    .action((options: UpOptions) => start((context) => upCommand(options, context)))
}

/** @returns the exit code: 0 when it was asked to end */
export async function upCommand(given: UpOptions, context: CommandContext): Promise<number> {
  const options = withoutEmpty(given)
  const { console } = context
  const set = await setUp(options, context)
  const drill = chooseScenario(options, set, context)
  if (typeof drill === 'number') return drill
  const { agents, problems } = options.agents === undefined ? noAgents : readAgents(options.agents)
  if (problems.length > 0) {
    for (const problem of problems) console.err(problem)
    return exitCodes.invalid.code
  }
  const servers = options.withPrometheus ? await findOptionalServers(set, context) : undefined
  const ports = portsOf(options, servers)
  if (options.printSettings) {
    console.out(JSON.stringify(settingsToPrint(drill, options, ports, agents, context.environment), undefined, 2))
    return exitCodes.held.code
  }
  const clashes = await findClashes(options.listen ?? host, portsHere(ports, options, agents))
  if (clashes.length > 0) {
    for (const { name, port, reason } of clashes) {
      console.err(`port ${port} (${name}) is not free: ${reason === 'EADDRINUSE' ? 'something listens there' : reason}`)
    }
    console.err(`${clashes.length === 1 ? '1 port is' : `${clashes.length} ports are`} taken, nothing was started`)
    const other = runningPlatform(context)
    if (other !== undefined) console.err(`firedrill up runs already: process ${other}`)
    return exitCodes.judge.code
  }
  return new Running(drill, options, context, {
    ...servers,
    agents,
    ports,
    groups: set.loaded!.groups,
  }).run()
}

/** @returns the process of the platform that this user runs */
function runningPlatform({ environment }: CommandContext): number | undefined {
  try {
    return readControlFile(controlFilePath(environment))?.pid
  } catch {
    return undefined
  }
}

type Servers = Pick<LivePlatformOptions, 'prometheus' | 'alertmanager' | 'agents'>

const noAgents = { agents: undefined, problems: [] }

class Running {
  readonly #drill: Drill
  readonly #options: UpOptions
  readonly #context: CommandContext
  readonly #platform: LivePlatform
  readonly #ports: Readonly<Record<string, number>>
  readonly #messages: string[] = []
  /** What the alerts of this platform can't be believed. */
  readonly #doubts: readonly string[]
  #ending: Promise<string[]> | undefined

  constructor(
    drill: Drill,
    options: UpOptions,
    context: CommandContext,
    {
      ports,
      prometheus,
      alertmanager,
      agents,
      groups,
    }: Partial<Servers> & { ports: Readonly<Record<string, number>>; groups: readonly RuleGroup[] },
  ) {
    this.#drill = drill
    this.#options = options
    this.#context = context
    this.#ports = ports
    const doubted = options.speed === 1 || !prometheus ? [] : [...unconfirmable(groups).alerts.keys()]
    this.#doubts = doubted.length > 0 ? [`not to be believed at ${options.speed}: ${doubted.join(', ')}`] : []
    const { logs } = options
    if (logs !== undefined) mkdirSync(logs, { recursive: true })
    this.#platform = new LivePlatform({
      drill,
      speed: options.speed,
      ports,
      folder: context.temporaryFolder(),
      environment: context.environment,
      ...realServers(options),
      // A platform that runs for days would fill the disk with what nobody reads.
      keepsSpans: false,
      prometheus,
      alertmanager,
      agents,
      controlHost: options.controlHost,
      // Agents need its token before they do anything.
      onControl: () => agents && this.#writeControlFile(),
      listenHost: options.listen,
      webhookPort: options.webhook,
      onNotification: ({ status, labels, annotations }) =>
        this.#say(`${status}: ${labels.alertname ?? ''}: ${annotations.summary ?? ''}`),
      onLine: (process, line, stream) => {
        if (logs !== undefined) appendFileSync(join(logs, `${process}.log`), `${line}\n`)
        else if (stream === 'stderr') this.#say(`${process}: ${line}`)
      },
      onDeath: (process, reason) => this.#say(`${process} ended (${reason}), it is started again`),
      onAudit: (line) => this.#say(line),
    })
  }

  async run(): Promise<number> {
    const { console } = this.#context
    const controlFile = controlFilePath(this.#context.environment)
    this.#context.onExit(() => {
      removeControlFile(controlFile, this.#context.pid)
      this.#platform.killAll()
    })
    this.#context.onInterrupt(() => this.#end().then(() => undefined))
    try {
      console.progress('starting')
      await this.#platform.start()
    } catch (error) {
      console.progress('')
      await this.#end()
      if (!(error instanceof LivePartError)) throw error
      if (error.message === 'interrupted') return exitCodes.interrupted.code
      console.err(error.message)
      return exitCodes.judge.code
    }
    console.progress('')
    this.#writeControlFile()
    this.#play()
    await this.#show()
    const late = await this.#end()
    for (const name of late) console.err(`${name} did not end within 10 s and was killed`)
    console.out('ended: all processes are gone')
    return exitCodes.held.code
  }

  #writeControlFile(): void {
    const { controlAddress: address, token } = this.#platform
    writeControlFile(controlFilePath(this.#context.environment), {
      format: 1,
      address,
      token,
      pid: this.#context.pid,
    })
  }

  #end(): Promise<string[]> {
    this.#ending ??= this.#platform.stop()
    return this.#ending
  }

  /** The events of the scenario, once; afterwards its load goes on. */
  #play(): void {
    const { clock, board } = this.#platform
    const zeroMs = clock.nowMs()
    const scheduler = new LiveKernel(clock, zeroMs, (error) => this.#say(error.message))
    playTimeline(this.#drill, {
      board,
      scheduler,
      nowMs: () => clock.nowMs() - zeroMs,
      onError: (error) => this.#say(error.message),
    })
  }

  async #show(): Promise<void> {
    const { console, wallClock } = this.#context
    const platform = this.#platform
    const startedMs = platform.clock.nowMs()
    const nowMs = () => platform.clock.nowMs() - startedMs
    const read = createStatusReader(platform, new Set(Object.keys(this.#ports)), nowMs)
    // The screen shows all of that, again and again.
    if (!console.isTerminal) for (const line of this.#greeting()) console.err(line)
    let told = ''
    let toldAtMs = Number.NEGATIVE_INFINITY
    while (!this.#ending) {
      const reading = await read()
      if (this.#ending) break
      const status: PlatformStatus = {
        title: `${this.#drill.name}: ${this.#drill.title}`,
        speed: this.#options.speed,
        elapsedMs: nowMs(),
        ...reading,
        faults: platform.board.list(),
        links: this.#links(),
        notes: [...platform.notes, ...this.#doubts, ...this.#messages.slice(-4)],
      }
      if (!console.screen(statusScreen(status, console.paint, console.screenColumns))) {
        const line = statusLine(status)
        const state = line.replaceAll(/[\d.]+/g, '')
        if (state !== told || wallClock() - toldAtMs >= lineEveryMs) {
          console.err(line)
          told = state
          toldAtMs = wallClock()
        }
      }
      await platform.pause(screenEveryMs)
    }
  }

  #greeting(): string[] {
    const { notes } = this.#platform
    return [...this.#links(), ...[...notes, ...this.#doubts].map((note) => `- ${note}`)]
  }

  #links(): string[] {
    const shown = ['prometheus', 'alertmanager'].filter((name) => name in this.#ports)
    return [
      `backend-api  http://${this.#platform.addressOf('backend-api')} (/metrics, /health)`,
      ...shown.map((name) => `${name.padEnd(12)} http://${this.#platform.addressOf(name)}`),
    ]
  }

  #say(line: string): void {
    this.#messages.push(line)
    if (this.#messages.length > 100) this.#messages.shift()
    if (!this.#context.console.isTerminal) this.#context.console.err(line)
  }
}

function chooseScenario(options: UpOptions, set: SetUp, context: CommandContext): Drill | number {
  const selection = { names: [options.scenario], all: false, tags: [], twins: false }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), undefined)
  printUnknown(selected.unknown, context)
  const problems = [...set.problems, ...selected.problems]
  if (problems.length > 0) printProblems(problems, context)
  const drill = selected.drills[0]
  if (problems.length > 0 || !drill) return exitCodes.invalid.code
  return { ...drill, seed: options.seed ?? drill.seed }
}

async function findOptionalServers(set: SetUp, context: CommandContext): Promise<Partial<Servers>> {
  const prometheus = findBinary('prometheus', context.environment)
  const alertmanager = findBinary('alertmanager', context.environment)
  if (!prometheus) {
    context.console.err(`without Prometheus: it is not installed. ${howToGet}`)
    return {}
  }
  return {
    prometheus: await prometheusPlan(prometheus.path, set),
    alertmanager: alertmanager && { binary: alertmanager.path },
  }
}

/** Only those that this run needs. */
function portsOf(options: UpOptions, servers: Partial<Servers> | undefined): Record<string, number> {
  const unused = new Set(partsReplaced(options))
  if (!servers?.prometheus) unused.add('prometheus')
  if (!servers?.alertmanager) unused.add('alertmanager')
  return Object.fromEntries(Object.entries(documentedPorts).filter(([name]) => !unused.has(name)))
}

/** Those that something listens on here. */
function portsHere(
  ports: Readonly<Record<string, number>>,
  { webhook }: UpOptions,
  agents: Servers['agents'],
): Record<string, number> {
  const own = agents ? ['prometheus', 'alertmanager', 'control'] : Object.keys(ports)
  const here = Object.fromEntries(Object.entries(ports).filter(([name]) => own.includes(name)))
  return webhook === undefined ? here : { ...here, webhook }
}

/** For processes that are started by something else than this command (containers); addresses can be replaced there. */
function settingsToPrint(
  drill: Drill,
  options: UpOptions,
  ports: Readonly<Record<string, number>>,
  agents: Servers['agents'],
  environment: CommandContext['environment'],
) {
  const { telemetry, kafkaBrokers } = realServers(options)
  return platformSettings({
    world: drill.world,
    seed: drill.seed,
    load: drill.load,
    startMs: drill.startMs,
    speed: options.speed,
    epochMs: drill.startMs,
    addresses: Object.fromEntries(Object.keys(ports).map((name) => [name, addressOfPart(name, ports, agents)])),
    control: undefined,
    telemetry: {
      environment: environment.ENVIRONMENT ?? 'dev',
      ...telemetry,
      spansFolder: undefined,
    },
    kafkaBrokers,
    standIns: [
      ...(options.loki === undefined ? (['loki'] as const) : []),
      ...(options.traces === undefined ? (['jaeger'] as const) : []),
    ],
  })
}
