/**
 * Parts whose processes agents run, each in a container of its own. What a part shall do is kept here, so that an agent
 * that comes late, or comes back, is told everything anew.
 */
import { type ClientRequest, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { PartRunner } from '../part-runner.ts'
import { type Order, type PartName, type PartReport, partReportSchema, processOf } from './part-orders.ts'

/** `host:port` of the agent of each part. */
export type AgentAddresses = Readonly<Record<PartName, string>>

export interface RemotePartsOptions {
  readonly agents: AgentAddresses
  readonly token: string
  /** What the processes are told, but for the token. */
  settings(): object
  /** Lives of this process below the number may work. */
  release(process: string, below: number): void
  /** Nobody supervises this process any more, if it still lives. */
  disconnect(process: string): void
  onDeath(process: string, reason: string): void
  /** For people: what an agent did not do. */
  say(process: string, line: string): void
}

const retryMs = 1_000
const orderMsMax = 5_000
/** For the answer, beyond the time that the agent has to end its process in: one that hangs may not hold up the end. */
const stopAnswerMs = 500

export class RemoteParts implements PartRunner {
  readonly #parts: ReadonlyMap<string, RemotePart>

  constructor(options: RemotePartsOptions) {
    this.#parts = new Map(
      Object.entries(options.agents).map(([part, address]) => {
        const name = processOf(part as PartName)
        return [name, new RemotePart(part as PartName, name, address, options)]
      }),
    )
  }

  has(name: string): boolean {
    return this.#parts.has(name)
  }

  prepare(name: string): void {
    this.#parts.get(name)?.want({ phase: 'waiting' }, 'prepare')
  }

  start(name: string): void {
    this.#parts.get(name)?.want({ phase: 'working' }, 'start')
  }

  kill(name: string): void {
    this.#parts.get(name)?.want({ phase: 'waiting', frozen: false }, 'kill')
  }

  freeze(name: string): void {
    this.#parts.get(name)?.want({ frozen: true }, 'freeze')
  }

  thaw(name: string): void {
    this.#parts.get(name)?.want({ frozen: false }, 'thaw')
  }

  isRunning(name: string): boolean {
    return ['working', 'frozen'].includes(this.#parts.get(name)?.report?.phase ?? 'idle')
  }

  isFrozen(name: string): boolean {
    return this.#parts.get(name)?.report?.phase === 'frozen'
  }

  livesOf(name: string): number {
    return this.#parts.get(name)?.lives ?? 0
  }

  async stop(names: readonly string[], withinMs: number): Promise<string[]> {
    const late = await Promise.all(
      names.map(async (name) => ((await this.#parts.get(name)?.stop(withinMs)) ? name : undefined)),
    )
    return late.filter((name) => name !== undefined)
  }

  /** The agents notice that nobody is there, and end what they run. */
  killAll(): void {
    for (const part of this.#parts.values()) part.leave()
  }
}

interface Wanted {
  readonly phase: 'nothing' | 'waiting' | 'working'
  readonly frozen: boolean
}

class RemotePart {
  /** As the agent told last; undefined while it is away. */
  report: PartReport | undefined
  lives = 0
  readonly #part: PartName
  readonly #process: string
  readonly #address: string
  readonly #options: RemotePartsOptions
  #wanted: Wanted = { phase: 'nothing', frozen: false }
  #connection: ClientRequest | undefined
  #retry: NodeJS.Timeout | undefined
  #orders: Promise<void> = Promise.resolve()
  #left = false
  /** Ends what is under way, so that nothing keeps this process alive. */
  readonly #leaving = new AbortController()
  #said = ''
  /** Why the agent did not carry out the order that is repeated now. */
  #failed = ''

  constructor(part: PartName, process: string, address: string, options: RemotePartsOptions) {
    this.#part = part
    this.#process = process
    this.#address = address
    this.#options = options
  }

  want(change: Partial<Wanted>, order: Order): void {
    this.#wanted = { ...this.#wanted, ...change }
    if (this.report) this.#enqueue(order)
    else if (!this.#connection && !this.#retry && !this.#left) this.#connect()
  }

  /** @returns whether it had to be killed */
  async stop(withinMs: number): Promise<boolean> {
    this.#left = true
    clearTimeout(this.#retry)
    const answer = this.report
      ? await this.#send<{ late: boolean }>('stop', { withinMs }, withinMs + stopAnswerMs)
      : undefined
    this.leave()
    return answer?.late === true
  }

  leave(): void {
    this.#left = true
    clearTimeout(this.#retry)
    this.#leaving.abort()
    this.#connection?.destroy()
    this.report = undefined
  }

  #connect(): void {
    this.#retry = undefined
    const body = JSON.stringify({ life: this.lives, settings: this.#options.settings() })
    const outgoing = request(`http://${this.#address}/parts/${this.#part}/run`, {
      method: 'POST',
      headers: { ...this.#headers(), 'content-length': Buffer.byteLength(body) },
      // An agent on its way down keeps nobody waiting.
      agent: false,
    })
    this.#connection = outgoing
    outgoing.on('response', (answer) => {
      let rest = ''
      let refused = ''
      let broken = 'it has ended the connection'
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        if (answer.statusCode !== 200) {
          refused += chunk
          return
        }
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()!
        for (const line of lines) {
          const report = readReport(line)
          if (report) this.#take(report)
          else answer.destroy(new Error('it tells something else than agents of this version do'))
        }
      })
      answer.on('error', (error) => {
        broken = error.message
      })
      answer.on('close', () => {
        this.#lose(answer.statusCode === 200 ? broken : errorIn(refused, answer.statusCode))
      })
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.report) this.#lose(error.code ?? error.message)
    })
    outgoing.end(body)
  }

  /** The first report of a connection is where the agent is told what it shall do. */
  #take(report: PartReport): void {
    if (this.#left) return
    const before = this.report
    this.report = report
    this.lives = Math.max(this.lives, report.lives)
    this.#options.release(this.#process, report.begun)
    if (before && report.deaths > before.deaths) {
      const { code, signal } = report.exited ?? {}
      this.#options.onDeath(this.#process, signal ?? `exit code ${code}`)
    }
    if (before) return
    if (this.#said !== '') this.#options.say(this.#process, `the agent at ${this.#address} is there`)
    this.#said = ''
    const { phase, frozen } = this.#wanted
    if (phase !== 'nothing') this.#enqueue(phase === 'working' ? 'start' : 'prepare')
    if (frozen) this.#enqueue('freeze')
  }

  #lose(reason: string): void {
    const wasThere = this.report !== undefined
    this.report = undefined
    this.#connection = undefined
    if (this.#left || this.#retry) return
    if (wasThere) this.#options.disconnect(this.#process)
    // Once for each reason, not every second.
    if (reason !== this.#said) this.#options.say(this.#process, `its agent at ${this.#address} is away: ${reason}`)
    this.#said = reason
    this.#retry = setTimeout(() => this.#connect(), retryMs)
  }

  /**
   * One after the other, in the order in which they were given, each until it is carried out: one that got lost would leave
   * the part as it is for good. An agent that has carried it out already does nothing.
   */
  #enqueue(order: Order): void {
    const connection = this.#connection
    this.#orders = this.#orders.then(async () => {
      this.#failed = ''
      // What was wanted is told anew when the agent is back.
      while (this.report && this.#connection === connection && !this.#left) {
        if (await this.#send(order, {}, orderMsMax)) return
        await pause(retryMs, undefined, { signal: this.#leaving.signal }).catch(() => {})
      }
    })
  }

  async #send<Answer>(order: string, body: object, msMax: number): Promise<Answer | undefined> {
    try {
      const response = await fetch(`http://${this.#address}/parts/${this.#part}/${order}`, {
        method: 'POST',
        headers: this.#headers(),
        body: JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(msMax), this.#leaving.signal]),
      })
      const text = await response.text()
      if (response.ok) return JSON.parse(text) as Answer
      throw new Error(errorIn(text, response.status))
    } catch (error) {
      const { message } = error as Error
      // Once for each reason, not every second.
      if (message !== this.#failed && !this.#leaving.signal.aborted)
        this.#options.say(this.#process, `its agent did not ${order}: ${message}`)
      this.#failed = message
      return undefined
    }
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#options.token}`, 'content-type': 'application/json' }
  }
}

function readReport(line: string): PartReport | undefined {
  try {
    return partReportSchema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

function errorIn(text: string, status: number | undefined): string {
  try {
    return (JSON.parse(text) as { error: string }).error
  } catch {
    return `it answered ${status}`
  }
}
