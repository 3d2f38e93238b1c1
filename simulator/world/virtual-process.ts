/**
 * A process of the virtual world: a service or an exporter with its registry, its clock and its life. It can be killed
 * (work in progress is lost, a new one starts anew) and frozen (it stands still until it is thawed).
 */
import { Registry } from 'prom-client'
import type { Container } from '../../services/infrastructure/container.ts'
import type { BackgroundLoop } from '../../services/runtime/define-service.ts'
import type { HttpServer } from '../../services/runtime/http-server.ts'
import { type Clock, DependencyError, type ServiceRequest, type ServiceResponse } from '../../services/runtime/ports.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** What runs inside a process. */
export interface Program {
  readonly server?: HttpServer
  readonly loops?: readonly BackgroundLoop[]
  /** Brings the registry up to date. */
  readonly beforeScrape?: () => void
  /** Gives back what the process holds elsewhere (connections). */
  readonly onEnd?: () => void
}

export interface ProcessOptions {
  readonly name: string
  readonly container: Container | undefined
  /** Host names and ports on which it answers, for example `backend-api:8000`. */
  readonly addresses: readonly string[]
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  create(life: Life): Program
}

/** One life of a process, from its start to its end. */
export class Life {
  readonly registry = new Registry()
  readonly clock: Clock
  readonly startedAtMs: number
  alive = true
  frozen = false
  #held: (() => void)[] = []
  readonly #kernel: Kernel

  constructor(kernel: Kernel, startMs: number) {
    this.#kernel = kernel
    this.startedAtMs = startMs + kernel.nowMs
    this.clock = {
      nowMs: () => startMs + kernel.nowMs,
      sleep: (ms) => new Promise((resolve) => this.later(ms, resolve)),
    }
  }

  /** Runs `action` inside the process after `ms`; never when it is dead by then, later when it stands still. */
  later(ms: number, action: () => void): void {
    this.#kernel.after(ms, () => this.wake(action))
  }

  wake(action: () => void): void {
    if (!this.alive) return
    if (this.frozen) this.#held.push(action)
    else action()
  }

  thaw(): void {
    this.frozen = false
    const held = this.#held
    this.#held = []
    for (const action of held) this.#kernel.after(0, () => this.wake(action))
  }
}

export class VirtualProcess {
  readonly options: ProcessOptions
  readonly #kernel: Kernel
  #life: Life | undefined
  #program: Program | undefined
  /** Calls that wait for an answer of this life. */
  #waiting = new Set<(error: DependencyError) => void>()

  constructor(options: ProcessOptions, kernel: Kernel) {
    this.options = options
    this.#kernel = kernel
  }

  get name(): string {
    return this.options.name
  }

  get life(): Life | undefined {
    return this.#life
  }

  get program(): Program | undefined {
    return this.#program
  }

  get isRunning(): boolean {
    return this.#life !== undefined
  }

  start(): void {
    if (this.#life) return
    const life = new Life(this.#kernel, this.options.startMs)
    this.#life = life
    this.#program = this.options.create(life)
    for (const loop of this.#program.loops ?? []) this.#kernel.spawn(loop.run())
  }

  kill(): void {
    const life = this.#life
    if (!life) return
    life.alive = false
    this.#program?.onEnd?.()
    this.#life = undefined
    this.#program = undefined
    this.options.container?.processEnded()
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const fail of waiting) fail(new DependencyError(this.name, 'reset', `connection to ${this.name} was reset`))
  }

  freeze(): void {
    if (this.#life) this.#life.frozen = true
  }

  thaw(): void {
    this.#life?.thaw()
  }

  /** A request arrives. Exactly one of `answer` and `fail` is called, at some time; neither while the process hangs. */
  receive(
    request: ServiceRequest,
    answer: (response: ServiceResponse) => void,
    fail: (error: DependencyError) => void,
  ): void {
    const life = this.#life
    const server = this.#program?.server
    if (!life || !server) {
      fail(new DependencyError(this.name, 'refused', `connection refused by ${this.options.addresses[0]}`))
      return
    }
    this.#waiting.add(fail)
    life.wake(() => {
      this.#kernel.spawn(
        server.handle(request).then((response) => {
          if (!life.alive) return
          this.#waiting.delete(fail)
          answer(response)
        }),
      )
    })
  }
}
