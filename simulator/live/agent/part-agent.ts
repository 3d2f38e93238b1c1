/**
 * Runs the process of one part for a director who is elsewhere: the supervisor of this machine, with one process. A part
 * belongs to one director at a time, for as long as its connection stands; then the process ends.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machineTimers } from '../../../services/runtime/live/live-clock.ts'
import { restartAfterMs } from '../part-runner.ts'
import { type ProcessExit, Supervisor } from '../supervisor.ts'
import { type Order, type PartName, type PartReport, processOf, type RunRequest } from './part-orders.ts'

export interface PartAgentOptions {
  readonly part: PartName
  /** Of this agent alone: settings and token of a run are kept there. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where the part listens. */
  readonly listenHost: string
  /** A line that the process wrote, without its line break. */
  onLine(line: string, stream: 'stdout' | 'stderr'): void
  /** What the agent itself has to tell. */
  say(line: string): void
}

/** The order can't be carried out now. */
export class PartOrderError extends Error {
  override readonly name = 'PartOrderError'
}

interface Run {
  readonly token: string
  readonly supervisor: Supervisor
  begun: number
  deaths: number
  startedAt: string | undefined
  leaving: boolean
}

/** Less than the 10 s that everything has to end in. */
const endMsMax = 9_000

export class PartAgent {
  readonly #options: PartAgentOptions
  readonly #process: string
  readonly #listeners = new Set<(report: PartReport) => void>()
  #run: Run | undefined
  #exited: PartReport['exited']
  #ending: Promise<string[]> = Promise.resolve([])

  constructor(options: PartAgentOptions) {
    this.#options = options
    this.#process = processOf(options.part)
  }

  report(): PartReport {
    const run = this.#run
    const pid = run?.supervisor.pidOf(this.#process)
    return {
      part: this.#options.part,
      phase: this.#phase(),
      ...(pid !== undefined && { pid, startedAt: run!.startedAt }),
      lives: run?.supervisor.livesOf(this.#process) ?? 0,
      begun: run?.begun ?? 0,
      deaths: run?.deaths ?? 0,
      ...(this.#exited && { exited: this.#exited }),
    }
  }

  /** Tells the report, and again whenever it changes. @returns stops */
  listen(tell: (report: PartReport) => void): () => void {
    this.#listeners.add(tell)
    tell(this.report())
    return () => this.#listeners.delete(tell)
  }

  /**
   * The part belongs to this director from now on. One with another token is gone, or will hear that it is.
   * @returns ends that
   * @throws PartOrderError when it belongs to this director already
   */
  async begin({ settings, life }: RunRequest, token: string): Promise<() => void> {
    if (this.#run && !this.#run.leaving && this.#run.token === token)
      throw new PartOrderError(`${this.#options.part} is run by this director already`)
    if (this.#run) this.#leave(this.#run)
    // Its ports must be free before the next process takes them.
    await this.#ending
    if (this.#run) throw new PartOrderError(`${this.#options.part} has just been taken by another director`)
    const run: Run = {
      token,
      supervisor: this.#supervise(settings, life),
      begun: life,
      deaths: 0,
      startedAt: undefined,
      leaving: false,
    }
    this.#writeSettings(settings, token)
    this.#run = run
    this.#options.say(`the director at ${settings.control.address} has taken over`)
    return () => this.#leave(run)
  }

  /** @throws PartOrderError when the part belongs to no director */
  order(order: Order): void {
    this.#running()[order](this.#process)
    this.#tell()
  }

  /** @returns whether it had to be killed @throws PartOrderError when the part belongs to no director */
  async stop(withinMs: number): Promise<boolean> {
    const late = await this.#running().stop([this.#process], withinMs)
    this.#tell()
    return late.length > 0
  }

  /** Ends the process in good order, and everything. @returns whether it had to be killed */
  async end(): Promise<boolean> {
    if (this.#run) this.#leave(this.#run)
    return (await this.#ending).length > 0
  }

  /** At once, synchronously. */
  killAll(): void {
    this.#run?.supervisor.killAll()
  }

  #running(): Supervisor {
    if (!this.#run || this.#run.leaving)
      throw new PartOrderError(`${this.#options.part} belongs to no director: send its settings first`)
    return this.#run.supervisor
  }

  #phase(): PartReport['phase'] {
    if (!this.#run) return 'idle'
    const { supervisor } = this.#run
    if (supervisor.isFrozen(this.#process)) return 'frozen'
    if (supervisor.isRunning(this.#process)) return 'working'
    return supervisor.pidOf(this.#process) === undefined ? 'ended' : 'waiting'
  }

  #leave(run: Run): void {
    if (this.#run !== run || run.leaving) return
    run.leaving = true
    this.#options.say('the director is gone')
    this.#ending = run.supervisor.stop([this.#process], endMsMax).then((late) => {
      // Nobody may be left, also when a second signal comes meanwhile: only now it is forgotten.
      if (this.#run === run) this.#run = undefined
      this.#tell()
      return late
    })
  }

  #supervise(settings: RunRequest['settings'], life: number): Supervisor {
    const { folder, environment, onLine, say } = this.#options
    const own = (run: Run | undefined) => run?.supervisor === supervisor
    const change = (apply: (run: Run) => void) => {
      if (!own(this.#run)) return
      apply(this.#run!)
      this.#tell()
    }
    const supervisor = new Supervisor({
      settingsFile: join(folder, 'settings.json'),
      environment,
      preferred: settings.speed > 1,
      restartAfterMs: restartAfterMs / settings.speed,
      livesBefore: life,
      onLine: (_, line, stream) => onLine(line, stream),
      release: (name) =>
        change((run) => {
          run.begun = supervisor.livesOf(name)
        }),
      hold: () =>
        change((run) => {
          run.startedAt = new Date(machineTimers.nowMs()).toISOString()
        }),
      onExit: (_, exit) => this.#noteExit(exit),
      onDeath: (_, reason) =>
        change((run) => {
          run.deaths += 1
          this.#exited = this.#exited && { ...this.#exited, asked: false }
          say(`${this.#process} ended (${reason}), it is started again`)
        }),
    })
    return supervisor
  }

  /** Asked for, until the supervisor says otherwise. */
  #noteExit({ pid, code, signal }: ProcessExit): void {
    const at = new Date(machineTimers.nowMs()).toISOString()
    this.#exited = { ...(pid !== undefined && { pid }), code, signal, at, asked: true }
    // After what follows from it: a report is of one moment.
    queueMicrotask(() => this.#tell())
  }

  #writeSettings(settings: RunRequest['settings'], token: string): void {
    const { folder, listenHost } = this.#options
    const tokenFile = join(folder, 'control-token')
    writeFileSync(tokenFile, token, { mode: 0o600 })
    const told = { ...settings, listenHost, control: { ...settings.control, tokenFile } }
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(told), { mode: 0o600 })
  }

  #tell(): void {
    const report = this.report()
    for (const tell of this.#listeners) tell(report)
  }
}
