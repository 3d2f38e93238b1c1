/** The machine's clock, for whoever talks to real servers. */
import { setTimeout as wait } from 'node:timers/promises'
import type { DeliveryClock } from './delivery.ts'

export const wallClock: DeliveryClock = {
  nowMs: () => Date.now(),
  async sleep(ms, signal) {
    // An aborted wait is over; it is no error.
    await wait(ms, undefined, { signal }).catch(() => undefined)
  },
}
