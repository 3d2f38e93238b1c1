/**
 * The discrete-event kernel: takes the next event, moves time to it, runs it, and lets all promise work that follows
 * come to rest before time moves again. No sockets, no timers, no wall clock.
 */
import { nextTick } from 'node:process'
import { EventQueue } from './event-queue.ts'

export class Kernel {
  readonly #queue = new EventQueue()
  #nowUs = 0
  #running = false
  #failure: { readonly error: unknown } | undefined
  #eventsRun = 0

  /** Whole microseconds since the start of the drill. */
  get nowUs(): number {
    return this.#nowUs
  }

  get nowMs(): number {
    return this.#nowUs / 1000
  }

  get eventsRun(): number {
    return this.#eventsRun
  }

  /** Runs `action` after `delayMs` (rounded to whole microseconds, never in the past). */
  after(delayMs: number, action: () => void): void {
    const delayUs = Math.round(delayMs * 1000)
    this.#queue.push(this.#nowUs + (delayUs > 0 ? delayUs : 0), action)
  }

  /** Runs `action` at `timeMs` since the start, or now when that is past. */
  at(timeMs: number, action: () => void): void {
    this.#queue.push(Math.max(this.#nowUs, Math.round(timeMs * 1000)), action)
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /**
   * Starts a flow that nobody awaits (a request, a loop). When it rejects, that is a bug of ours: the run stops with
   * its error instead of going on without the flow.
   */
  spawn(flow: Promise<void>): void {
    flow.catch((error) => {
      this.#failure ??= { error }
    })
  }

  /** Runs every event up to and including `untilMs`; time stands at `untilMs` afterwards. */
  runUntil(untilMs: number): Promise<void> {
    if (this.#running) throw new Error('the kernel runs already')
    this.#running = true
    const untilUs = Math.round(untilMs * 1000)
    return new Promise((resolve, reject) => {
      const afterTick = () => nextTick(step)
      const step = () => {
        if (this.#failure) {
          this.#running = false
          reject(this.#failure.error)
          return
        }
        if (this.#queue.nextTime > untilUs) {
          this.#nowUs = untilUs
          this.#running = false
          resolve()
          return
        }
        this.#nowUs = this.#queue.nextTime
        this.#eventsRun += 1
        try {
          this.#queue.pop()()
        } catch (error) {
          this.#failure ??= { error }
        }
        // The microtask queue runs empty, with all that is added meanwhile, before the next tick: only then is all
        // promise work of this instant done. (A fixed number of microtask hops strands longer chains, and `nextTick`
        // alone runs before promise work that is already queued.)
        queueMicrotask(afterTick)
      }
      // Let the promise work that was begun outside of events (starting the services) come to rest first.
      queueMicrotask(afterTick)
    })
  }
}
