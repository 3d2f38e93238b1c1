/** The clock of a live process: the machine's, or one that runs a whole number of times faster. */
import type { Clock } from '../ports.ts'

export interface LiveClock extends Clock {
  readonly speed: number
  /** Milliseconds of the machine for so many of the platform. */
  wallMs(ms: number): number
  /** Resolves after `ms` milliseconds of the platform; rejects never. Tells how to stop waiting. */
  after(ms: number, action: () => void): () => void
}

/** The machine as a clock sees it, so that a test can hand in its own. */
export interface Timers {
  /** Unix milliseconds. */
  nowMs(): number
  setTimeout(action: () => void, ms: number): () => void
  setImmediate(action: () => void): () => void
}

export const machineTimers: Timers = {
  nowMs: () => performance.timeOrigin + performance.now(),
  setTimeout(action, ms) {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  setImmediate(action) {
    const immediate = setImmediate(action)
    return () => clearImmediate(immediate)
  },
}

/** @param epochMs Unix time at which this clock and the machine's showed the same */
export function createLiveClock(epochMs: number, speed: number, timers: Timers = machineTimers): LiveClock {
  // Node's timers count whole milliseconds. Rounding each wait would make short ones (a cache look-up) many times
  // longer, so what is left over is carried to the next one: single waits are coarse, their sum is right.
  let carriedMs = 0
  const after = (ms: number, action: () => void): (() => void) => {
    const exactMs = Math.max(0, ms) / speed + carriedMs
    // A timer fires up to a millisecond late, half of one on average.
    const wholeMs = Math.floor(exactMs + 0.5) - (exactMs >= 1.5 ? 1 : 0)
    carriedMs = Math.max(-2, Math.min(2, exactMs - (wholeMs > 0 ? wholeMs + 0.5 : 0)))
    return wholeMs <= 0 ? timers.setImmediate(action) : timers.setTimeout(action, wholeMs)
  }
  return {
    speed,
    nowMs: () => Math.round((epochMs + (timers.nowMs() - epochMs) * speed) * 1000) / 1000,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    wallMs: (ms) => ms / speed,
    after,
  }
}
