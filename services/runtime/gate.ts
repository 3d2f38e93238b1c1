/** Admits a number of flows at a time; the others wait in order of arrival, for a bounded time, in a bounded queue. */
import type { Clock } from './ports.ts'

export interface GateOptions {
  readonly slots: number
  readonly queueMax: number
  readonly waitMsMax: number
}

export interface Gate {
  /** @returns false when the queue is full or the wait took too long. Who got true calls `leave` once. */
  enter(): Promise<boolean> | boolean
  leave(): void
  /** Flows inside now. */
  readonly inside: number
}

export function createGate(clock: Clock, { slots, queueMax, waitMsMax }: GateOptions): Gate {
  type Waiting = { resolve: (admitted: boolean) => void; done: boolean }
  let free = slots
  let waiting: Waiting[] = []
  let head = 0

  function enter(): Promise<boolean> | boolean {
    if (free > 0) {
      free -= 1
      return true
    }
    dropDone()
    if (waiting.length - head >= queueMax) return false
    return new Promise((resolve) => {
      const entry: Waiting = { resolve, done: false }
      waiting.push(entry)
      clock.sleep(waitMsMax).then(() => {
        if (entry.done) return
        entry.done = true
        resolve(false)
      })
    })
  }

  function leave(): void {
    dropDone()
    const next = waiting[head]
    if (next) {
      next.done = true
      head += 1
      next.resolve(true)
    } else {
      free += 1
    }
  }

  /** All wait equally long, so those that gave up stand in front. */
  function dropDone(): void {
    while (head < waiting.length && waiting[head]!.done) head += 1
    if (head > 256 && head * 2 > waiting.length) {
      waiting = waiting.slice(head)
      head = 0
    }
  }

  return {
    enter,
    leave,
    get inside() {
      return slots - free
    },
  }
}
