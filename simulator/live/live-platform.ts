/**
 * The live platform on one machine: the three services, infrastructure and traffic as processes, and the real Prometheus
 * and Alertmanager when they are here. Starts them in order, and ends all of them.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createLiveClock, type LiveClock, machineTimers } from '../../services/runtime/live/live-clock.ts'
import type { TelemetrySettings } from '../../services/runtime/live/settings.ts'
import { serviceNames } from '../faults/fault-targets.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { PrometheusConfig } from '../scrape/prometheus-config.ts'
import { createTenants } from '../workload/tenants.ts'
import { type AgentAddresses, RemoteParts } from './agent/remote-parts.ts'
import { type ControlServer, startControlServer } from './control-server.ts'
import { readSamples } from './exposition-reader.ts'
import { FaultBoard } from './fault-board.ts'
import { type PartRunner, restartAfterMs } from './part-runner.ts'
import { addressOfPart, type PlatformSettings, platformSettings } from './platform-settings.ts'
import { PlatformState } from './platform-state.ts'
import { alertmanagerFile, dividedRules, prometheusFile, prometheusTimeFlags } from './speed/prometheus-files.ts'
import { Supervisor } from './supervisor.ts'
import { type Notification, startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts'

export interface LivePlatformOptions {
  readonly drill: Pick<Drill, 'world' | 'seed' | 'load' | 'startMs'>
  readonly speed: number
  /** Port of each part by its name; `control` is the control port's. */
  readonly ports: Readonly<Record<string, number>>
  /** Of this run alone; whoever made it removes it. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly telemetry: Omit<TelemetrySettings, 'spansFolder' | 'environment'>
  /** Whether finished spans are written to `spansFolder`, for whoever judges them. */
  readonly keepsSpans: boolean
  readonly kafkaBrokers: readonly string[] | undefined
  /** Undefined: no Prometheus runs along. */
  readonly prometheus: ServerPlan | undefined
  readonly alertmanager: { readonly binary: string } | undefined
  /**
   * Where services and exporters listen; this machine alone when left out. The control port listens there only when
   * `controlHost` says that others must reach it.
   */
  readonly listenHost?: string | undefined
  /** Who runs the services and the infrastructure; processes of this machine when left out. */
  readonly agents?: AgentAddresses | undefined
  /** Name of this host where the agents are, for the control port. */
  readonly controlHost?: string | undefined
  /** The control port listens; nothing is started yet. */
  readonly onControl?: (() => void) | undefined
  /** Port for an Alertmanager that somebody else runs, which sends to `/alertmanager` there. */
  readonly webhookPort?: number | undefined
  readonly onNotification?: ((notification: Notification) => void) | undefined
  onLine(process: string, line: string, stream: 'stdout' | 'stderr'): void
  onDeath(process: string, reason: string): void
  /** A line for each fault that begins or ends. */
  onAudit(line: string): void
}

export interface ServerPlan {
  readonly binary: string
  readonly version: string
  readonly config: PrometheusConfig
  readonly ruleFiles: readonly string[]
  /** Groups of rules in all of them. */
  readonly groupCount: number
  parseDuration(text: string): number
}

/** A part did not come up in time. */
export class LivePartError extends Error {
  override readonly name = 'LivePartError'
}

/** @throws LivePartError when this part of the run does not answer */
export async function answerOf(part: string, url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(answerMsMax) })
  } catch (error) {
    throw new LivePartError(`${part} does not answer: ${(error as Error).message}`)
  }
}

const answerMsMax = 30_000
const host = '127.0.0.1'
const readyMsMax = 60_000
/** All of it together, milliseconds. */
const stopMsMax = 9_300
/** The load has nothing to flush; the services must have the most. */
const stopTrafficMsMax = 1_000
const stopInfrastructureMs = 800
/** Prometheus is told its targets only when they are there: it starts with none. */
const idleConfig = 'scrape_configs: []\n'

export class LivePlatform {
  readonly clock: LiveClock
  readonly board: FaultBoard
  /** Of this machine: the load, the servers that are not ours, and without agents everything. */
  readonly supervisor: Supervisor
  readonly notes: string[] = []
  /** Unix time at which the services began to work, milliseconds of the machine. */
  zeroMs = 0
  /** Token of the control port. */
  readonly token = randomBytes(24).toString('hex')
  readonly spansFolder: string
  readonly #remote: RemoteParts | undefined
  #control: ControlServer | undefined
  #webhook: WebhookReceiver | undefined
  readonly #options: LivePlatformOptions
  readonly #state: PlatformState
  readonly #lags = new Map<string, number>()
  readonly #epochMs: number
  #settings: PlatformSettings | undefined
  #stopped = false
  #said: string[] = []

  constructor(options: LivePlatformOptions) {
    this.#options = options
    const { drill, speed, folder, telemetry, kafkaBrokers } = options
    this.#epochMs = machineTimers.nowMs()
    this.clock = createLiveClock(this.#epochMs, speed)
    this.spansFolder = join(folder, 'spans')
    this.supervisor = new Supervisor({
      settingsFile: join(folder, 'settings.json'),
      environment: options.environment,
      preferred: speed > 1,
      restartAfterMs: this.clock.wallMs(restartAfterMs),
      release: (name) => this.#state.release(name),
      hold: (name) => this.#state.hold(name),
      onLine: (process, line, stream) => this.#tellLine(process, line, stream),
      onDeath: options.onDeath,
    })
    this.#remote = options.agents && this.#director(options.agents)
    const foreign = new Set(['prometheus'])
    if (kafkaBrokers) foreign.add('kafka')
    if (telemetry.lokiUrl !== undefined) foreign.add('loki')
    if (telemetry.tracesUrl !== undefined) foreign.add('jaeger')
    this.#state = new PlatformState({
      world: drill.world,
      tenants: createTenants(drill.world),
      clock: this.clock,
      process: (name) => ({
        kill: () => this.runnerOf(name).kill(name),
        start: () => this.runnerOf(name).start(name),
        freeze: () => this.runnerOf(name).freeze(name),
        thaw: () => this.runnerOf(name).thaw(name),
      }),
      lag: (topic, partitions) => this.#lag(topic, partitions),
      foreign,
    })
    this.board = new FaultBoard(this.#state.controls(), this.clock, () => this.#state.changed(), options.onAudit)
  }

  /** Asked to end; nothing is started any more. */
  get isStopped(): boolean {
    return this.#stopped
  }

  get notifications(): WebhookReceiver['notifications'] {
    return this.#webhook?.notifications ?? []
  }

  get controlAddress(): string {
    return this.#control!.address
  }

  /** Waits, milliseconds of the machine. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Who runs the process of this name. */
  runnerOf(name: string): PartRunner {
    return this.#remote?.has(name) ? this.#remote : this.supervisor
  }

  addressOf(name: string): string {
    const { agents, ports } = this.#options
    return addressOfPart(name, ports, agents)
  }

  /** @throws LivePartError when a part does not come up */
  async start(): Promise<void> {
    const { folder, ports } = this.#options
    mkdirSync(this.spansFolder, { recursive: true })
    const { controlHost, listenHost = host } = this.#options
    this.#control = await startControlServer({
      host: controlHost === undefined ? host : listenHost,
      port: ports.control ?? 0,
      names: controlHost === undefined ? [] : [controlHost],
      token: this.token,
      board: this.board,
      state: this.#state,
    })
    const tokenFile = join(folder, 'control-token')
    writeFileSync(tokenFile, this.token, { mode: 0o600 })
    this.#writeSettings(tokenFile)
    this.#options.onControl?.()
    this.runnerOf('infrastructure').start('infrastructure')
    for (const name of [...serviceNames, 'traffic']) this.runnerOf(name).prepare(name)
    if (this.#options.alertmanager) await this.#startAlertmanager(this.#options.alertmanager.binary)
    else await this.#listenToAlertmanager()
    if (this.#options.prometheus) this.#startPrometheus(this.#options.prometheus)
    await this.#ready('infrastructure', `http://${this.addressOf('node-exporter')}/metrics`)
    if (this.#options.prometheus) await this.#ready('prometheus', `http://${this.addressOf('prometheus')}/-/ready`)
    await Promise.all([...serviceNames, 'traffic'].map((name) => this.#loaded(name)))
    await this.#begin()
  }

  /** Ends everything in order: first the load, so that nothing fails only because its receiver went before it. */
  async stop(): Promise<string[]> {
    this.#stopped = true
    const untilMs = performance.now() + stopMsMax
    const leftMs = (keptMs = 0) => Math.max(0, Math.round(untilMs - keptMs - performance.now()))
    const late = await this.#stop(['traffic'], stopTrafficMsMax)
    late.push(...(await this.#stop([...serviceNames, 'prometheus'], leftMs(stopInfrastructureMs))))
    late.push(...(await this.#stop(['infrastructure', 'alertmanager'], leftMs())))
    this.#close()
    return late
  }

  /** At once, synchronously. */
  killAll(): void {
    this.#stopped = true
    this.supervisor.killAll()
    this.#remote?.killAll()
    this.#close()
  }

  async #stop(names: readonly string[], withinMs: number): Promise<string[]> {
    const late = await Promise.all(names.map((name) => this.runnerOf(name).stop([name], withinMs)))
    return late.flat()
  }

  #director(agents: AgentAddresses): RemoteParts {
    const { onDeath } = this.#options
    return new RemoteParts({
      agents,
      token: this.token,
      settings: () => {
        const { address } = this.#settings!.control!
        return { ...this.#settings, listenHost: undefined, control: { address } }
      },
      release: (name, below) => this.#state.release(name, below),
      disconnect: (name) => this.#control?.disconnect(name),
      onDeath,
      say: (process, line) => this.#tellLine(process, line, 'stderr'),
    })
  }

  #tellLine(process: string, line: string, stream: 'stdout' | 'stderr'): void {
    if (stream === 'stderr') this.#said = [...this.#said.slice(-4), `${process}: ${line}`]
    this.#options.onLine(process, line, stream)
  }

  #close(): void {
    this.#control?.close()
    this.#webhook?.close()
  }

  #writeSettings(tokenFile: string): void {
    const { drill, speed, folder, environment, telemetry, keepsSpans, kafkaBrokers, ports } = this.#options
    const standIns = [
      ...(telemetry.lokiUrl === undefined ? (['loki'] as const) : []),
      ...(telemetry.tracesUrl === undefined ? (['jaeger'] as const) : []),
    ]
    this.#settings = platformSettings({
      ...drill,
      speed,
      epochMs: this.#epochMs,
      addresses: Object.fromEntries(Object.keys(ports).map((name) => [name, this.addressOf(name)])),
      control: { address: this.#controlAddressOfOthers(), tokenFile },
      telemetry: {
        ...telemetry,
        environment: environment.ENVIRONMENT ?? 'dev',
        spansFolder: keepsSpans ? this.spansFolder : undefined,
      },
      kafkaBrokers,
      listenHost: this.#options.listenHost,
      standIns,
    })
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(this.#settings))
    if (standIns.length > 0) {
      this.notes.push(`stand-ins for ${standIns.join(' and ')}: they count what arrives, and keep nothing`)
    }
    if (!kafkaBrokers) this.notes.push('no Kafka broker is configured: the bus is the model, inside the infrastructure')
  }

  #controlAddressOfOthers(): string {
    const { controlHost } = this.#options
    const { controlAddress } = this
    return controlHost === undefined
      ? controlAddress
      : `${controlHost}:${controlAddress.slice(controlAddress.lastIndexOf(':') + 1)}`
  }

  /** A service has loaded its code and waits for the start. */
  async #loaded(name: string): Promise<void> {
    await this.#until(() => this.#state.isWaiting(name) || undefined, `${name} does not come up`)
  }

  /** All services begin at the same time, as they do in the virtual world; that time is zero. */
  async #begin(): Promise<void> {
    for (const name of serviceNames) this.runnerOf(name).start(name)
    this.zeroMs = machineTimers.nowMs()
    await Promise.all(serviceNames.map((name) => this.#ready(name, `http://${this.addressOf(name)}/health`)))
    this.supervisor.start('traffic')
    if (this.#options.prometheus) await this.#reloadPrometheus(this.#options.prometheus)
  }

  #startPrometheus({ binary, config, ruleFiles, parseDuration }: ServerPlan): void {
    const { folder, speed, alertmanager } = this.#options
    const files = ruleFiles.map((path, i) => {
      // At speed 1 nothing is rewritten: the server reads the user's own file. What is relative it would look for beside
      // its own configuration, and say nothing when nothing is there.
      if (speed === 1) return resolve(path)
      const own = join(folder, `rules-${i}.yml`)
      writeFileSync(own, dividedRules(readFileSync(path, 'utf8'), speed, parseDuration))
      return own
    })
    const { text, notes } = prometheusFile({
      config,
      configText: readFileSync(config.file, 'utf8'),
      speed,
      ruleFiles: files,
      alertmanager: alertmanager && this.addressOf('alertmanager'),
      parseDuration,
      resolve: (address) => this.#resolve(address),
    })
    this.notes.push(...notes)
    writeFileSync(join(folder, 'prometheus-running.yml'), text)
    writeFileSync(join(folder, 'prometheus.yml'), idleConfig)
    this.supervisor.startForeign('prometheus', binary, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'prometheus-data')}`,
      `--web.listen-address=${this.addressOf('prometheus')}`,
      '--web.external-url=http://prometheus:9090',
      '--web.route-prefix=/',
      '--web.enable-lifecycle',
      '--enable-feature=exemplar-storage',
      // What a drill says about itself (the faults in force), for the dashboard that shows drills.
      '--web.enable-remote-write-receiver',
      '--log.level=warn',
      ...prometheusTimeFlags(speed),
    ])
  }

  async #reloadPrometheus({ groupCount }: ServerPlan): Promise<void> {
    const { folder } = this.#options
    writeFileSync(join(folder, 'prometheus.yml'), readFileSync(join(folder, 'prometheus-running.yml'), 'utf8'))
    const response = await answerOf('Prometheus', `http://${this.addressOf('prometheus')}/-/reload`, { method: 'POST' })
    if (!response.ok) throw new LivePartError(`Prometheus refuses the configuration: ${(await response.text()).trim()}`)
    // An alert that is not loaded never fires, and that must not look like silence.
    const rules = await answerOf('Prometheus', `http://${this.addressOf('prometheus')}/api/v1/rules`)
    const { data } = (await rules.json()) as { data: { groups: unknown[] } }
    if (data.groups.length !== groupCount) {
      throw new LivePartError(`Prometheus has loaded ${data.groups.length} of ${groupCount} groups of rules`)
    }
  }

  /** The path is the one in the shipped alertmanager.yml. */
  async #listenToAlertmanager(): Promise<void> {
    const { webhookPort: port, listenHost = host, onNotification } = this.#options
    if (port === undefined) return
    const at = { host: listenHost, port }
    this.#webhook = await startWebhookReceiver('/alertmanager', machineTimers.nowMs, onNotification, at)
  }

  async #startAlertmanager(binary: string): Promise<void> {
    const { folder, speed } = this.#options
    const path = `/${randomBytes(12).toString('hex')}`
    this.#webhook = await startWebhookReceiver(path, machineTimers.nowMs)
    const file = join(folder, 'alertmanager.yml')
    writeFileSync(file, alertmanagerFile(this.#webhook.url, speed))
    this.supervisor.startForeign('alertmanager', binary, [
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'alertmanager-data')}`,
      `--web.listen-address=${this.addressOf('alertmanager')}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ])
    await this.#ready('alertmanager', `http://${this.addressOf('alertmanager')}/-/ready`)
  }

  /** Targets by the name of their host: `backend-api:8000` is the part of that name, wherever its port is. */
  #resolve(address: string): string | undefined {
    const { ports, telemetry } = this.#options
    const name = address.slice(0, address.lastIndexOf(':'))
    const part = name === 'localhost' ? 'prometheus' : name
    if (part === 'loki' && telemetry.lokiUrl !== undefined) return new URL(telemetry.lokiUrl).host
    // A Jaeger shows its own metrics on another port than the one that takes spans: the documented one, if nobody says.
    if (part === 'jaeger' && telemetry.tracesUrl !== undefined && !('jaeger' in ports))
      return `${new URL(telemetry.tracesUrl).hostname}:8888`
    return part in ports && part !== 'control' ? this.addressOf(part) : undefined
  }

  async #ready(name: string, url: string): Promise<void> {
    const ask = async () => {
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(1_000) })
        await response.arrayBuffer()
        return response.ok || undefined
      } catch {
        return undefined
      }
    }
    await this.#until(ask, `${name} does not answer on ${url}`)
  }

  /** As the data pipeline shows it; asked for anew in the background, because faults can't wait. */
  #lag(topic: string, partitions: readonly number[] | undefined): number {
    const key = `${topic}/${partitions?.join(',') ?? ''}`
    void readSamples(`http://${this.addressOf('data-pipeline')}/metrics`)
      .then((samples) => {
        const own = samples.filter(
          ({ name, labels }) =>
            name === 'kafka_consumer_lag' &&
            labels.topic === topic &&
            (partitions === undefined || partitions.includes(Number(labels.partition))),
        )
        this.#lags.set(
          key,
          own.reduce((sum, { value }) => sum + value, 0),
        )
      })
      .catch(() => {})
    return this.#lags.get(key) ?? Number.POSITIVE_INFINITY
  }

  async #until<T>(ask: () => T | undefined | Promise<T | undefined>, otherwise: string): Promise<T> {
    const startedMs = performance.now()
    for (;;) {
      const answer = await ask()
      if (this.#stopped) throw new LivePartError('interrupted')
      if (answer !== undefined) return answer
      if (performance.now() - startedMs > readyMsMax) {
        throw new LivePartError(`${otherwise} within ${readyMsMax / 1000} s${this.#lastWords()}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** What the parts said last on stderr, for the message. */
  #lastWords(): string {
    return this.#said.length > 0 ? `\n${this.#said.join('\n')}` : ''
  }
}
