/** What is wrong on the way from this process to another: added latency, loss, partition. Faults set it. */
import { DependencyError, type Rng } from '../ports.ts'
import type { LiveClock } from './live-clock.ts'

export interface LinkState {
  readonly addedMs: number
  readonly lossRatio: number
  readonly partitioned: boolean
}

export type Links = ReturnType<typeof createLinks>

/** A call that got lost, where the caller has no time-out of its own, milliseconds of the platform. */
export const lostAfterMs = 3_000

export function createLinks(clock: LiveClock, rng: Rng) {
  let links: Readonly<Record<string, LinkState>> = {}

  /** @returns the link to a part, undefined while nothing is wrong; 'lost' when this call does not arrive */
  function pass(to: string): LinkState | 'lost' | undefined {
    const link = links[to]
    if (!link) return undefined
    if (link.partitioned || (link.lossRatio > 0 && rng.chance(link.lossRatio))) return 'lost'
    return link
  }

  return {
    set(next: Readonly<Record<string, LinkState>>): void {
      links = next
    },
    pass,
    isCut: (to: string): boolean => links[to]?.partitioned === true,
    /** Waits for what the link adds. @throws DependencyError when the call is lost, after the time that takes to notice */
    async cross(to: string): Promise<void> {
      const link = pass(to)
      if (link === undefined) return
      if (link === 'lost') {
        await clock.sleep(lostAfterMs)
        throw new DependencyError(to, 'timeout', `no answer from ${to} within ${lostAfterMs} ms`)
      }
      if (link.addedMs > 0) await clock.sleep(link.addedMs)
    },
  }
}
