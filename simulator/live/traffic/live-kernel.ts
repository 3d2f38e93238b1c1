/**
 * The kernel's interface on real time: events run when their time has come. While an event runs, time stands at the time
 * it was due, so that a chain of waits does not drift with the lateness of the machine's timers.
 */

import type { LiveClock } from '../../../services/runtime/live/live-clock.ts'
import { EventQueue } from '../../kernel/event-queue.ts'
import type { Kernel } from '../../kernel/kernel.ts'

export type Scheduler = Pick<Kernel, 'nowMs' | 'after' | 'sleep' | 'spawn'>

export class LiveKernel implements Scheduler {
  readonly #clock: LiveClock
  readonly #startMs: number
  readonly #onBug: (error: Error) => void
  readonly #queue = new EventQueue()
  #dueMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  /** @param startMs time of the platform that counts as 0 */
  constructor(clock: LiveClock, startMs: number, onBug: (error: Error) => void) {
    this.#clock = clock
    this.#startMs = startMs
    this.#onBug = onBug
  }

  get nowMs(): number {
    return this.#dueMs ?? this.#clock.nowMs() - this.#startMs
  }

  after(delayMs: number, action: () => void): void {
    this.#queue.push(this.nowMs + Math.max(0, delayMs), action)
    this.#schedule()
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  spawn(flow: Promise<void>): void {
    flow.catch(this.#onBug)
  }

  #schedule(): void {
    const nextMs = this.#queue.nextTime
    if (nextMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = nextMs
    const waitMs = this.#clock.wallMs(nextMs - (this.#clock.nowMs() - this.#startMs))
    this.#timer = setTimeout(() => this.#run(), Math.max(0, waitMs))
  }

  #run(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const nowMs = this.#clock.nowMs() - this.#startMs
    while (this.#queue.nextTime <= nowMs) {
      this.#dueMs = this.#queue.nextTime
      this.#queue.pop()()
    }
    this.#dueMs = undefined
    if (this.#queue.size > 0) this.#schedule()
  }
}
