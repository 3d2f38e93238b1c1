/** The network between the parts of the platform: latency, loss, partition, for each pair of ends. */
import type { LatencyProfile, Rng } from '../../services/runtime/ports.ts'
import { latencyAt } from '../../services/runtime/rng.ts'

interface Link {
  addedMs: number
  lossRatio: number
  partitions: number
}

export class VirtualNetwork {
  readonly #latency: LatencyProfile
  readonly #latencies: Rng
  readonly #losses: Rng
  /** Only links on which something is wrong. */
  readonly #links = new Map<string, Link>()

  constructor(latency: LatencyProfile, rng: Rng) {
    this.#latency = latency
    this.#latencies = rng.fork('network/latency')
    this.#losses = rng.fork('network/loss')
  }

  /** Time of one way, milliseconds; undefined when the call gets lost. */
  oneWayMs(from: string, to: string): number | undefined {
    const ms = latencyAt(this.#latency, this.#latencies.next())
    const link = this.#links.size === 0 ? undefined : this.#links.get(`${from}>${to}`)
    if (!link) return ms
    if (link.partitions > 0) return undefined
    if (link.lossRatio > 0 && this.#losses.chance(link.lossRatio)) return undefined
    return ms + link.addedMs / 2
  }

  /** There and back; undefined when the call gets lost. */
  roundTripMs(from: string, to: string): number | undefined {
    const thereMs = this.oneWayMs(from, to)
    if (thereMs === undefined) return undefined
    // A call that arrived is also answered: loss is drawn once for each call.
    return 2 * thereMs
  }

  /** Whether nothing gets from one to the other. Draws nothing. */
  isCut(from: string, to: string): boolean {
    return (this.#links.get(`${from}>${to}`)?.partitions ?? 0) > 0
  }

  addLatency(from: string, to: string, ms: number): void {
    this.#link(from, to).addedMs += ms
  }

  setLoss(from: string, to: string, ratio: number): void {
    this.#link(from, to).lossRatio = ratio
  }

  /** Counted, so that two events that cut the same link do not heal each other. */
  setPartitioned(from: string, to: string, partitioned: boolean): void {
    this.#link(from, to).partitions += partitioned ? 1 : -1
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`
    let link = this.#links.get(key)
    if (!link) {
      link = { addedMs: 0, lossRatio: 0, partitions: 0 }
      this.#links.set(key, link)
    }
    return link
  }
}
