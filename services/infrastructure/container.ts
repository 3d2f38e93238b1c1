/**
 * A container: processor time with a limit, memory with a limit, bytes moved. Everything that cAdvisor shows of it is
 * the sum of what the model did in it.
 */
import type { Clock } from '../runtime/ports.ts'

export interface ContainerOptions {
  readonly name: string
  readonly image: string
  /** CPU limit in cores. */
  readonly cpus: number
  readonly memoryLimitBytes: number
  /** What the process holds when it is idle. */
  readonly memoryBaseBytes: number
}

/** What the host and its exporters read of a container. */
export interface ContainerFacts {
  readonly options: ContainerOptions
  networkReceivedBytes: number
  networkSentBytes: number
  diskReadBytes: number
  diskWrittenBytes: number
  /** Processor seconds used since the container was made, never falling. */
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

export class Container implements ContainerFacts {
  readonly options: ContainerOptions
  networkReceivedBytes = 0
  networkSentBytes = 0
  diskReadBytes = 0
  diskWrittenBytes = 0
  readonly #clock: Clock
  readonly #pools = new Map<string, number>()
  /** For each core, when the work that was given to it so far is done. */
  readonly #coreFreeAtMs: number[]
  readonly #coreSpeed: number
  #workMs = 0
  #stolenShare = 0
  #stolenMs = 0
  #stolenSinceMs: number
  #leakBytesPerSecond = 0
  #leakedBytes = 0
  #leakSinceMs: number

  constructor(options: ContainerOptions, clock: Clock) {
    this.options = options
    this.#clock = clock
    const cores = Math.ceil(options.cpus)
    this.#coreSpeed = options.cpus / cores
    this.#coreFreeAtMs = new Array(cores).fill(0)
    this.#stolenSinceMs = clock.nowMs()
    this.#leakSinceMs = clock.nowMs()
  }

  /**
   * Gives `ms` of work to the core that is free first; work on a core is done in order of arrival.
   * @returns milliseconds until it is done
   */
  reserveCpu(ms: number): number {
    const nowMs = this.#clock.nowMs()
    const cores = this.#coreFreeAtMs
    let core = 0
    for (let i = 1; i < cores.length; i += 1) if (cores[i]! < cores[core]!) core = i
    const startMs = Math.max(nowMs, cores[core]!)
    // Something that takes all of the processor still leaves a crumb, as a fair scheduler does.
    const speed = this.#coreSpeed * Math.max(0.01, 1 - this.#stolenShare)
    cores[core] = startMs + ms / speed
    this.#workMs += ms
    return cores[core]! - nowMs
  }

  /** Books processor time that is not waited for. */
  accountCpu(ms: number): void {
    this.reserveCpu(ms)
  }

  /** Processor seconds used since the container was made, never falling. */
  get cpuSeconds(): number {
    // Work that was given but is not done yet has not used the processor yet.
    let outstandingMs = 0
    const nowMs = this.#clock.nowMs()
    const speed = this.#coreSpeed * Math.max(0.01, 1 - this.#stolenShare)
    for (const freeAtMs of this.#coreFreeAtMs) if (freeAtMs > nowMs) outstandingMs += (freeAtMs - nowMs) * speed
    this.#shownCpuMs = Math.max(this.#shownCpuMs, this.#workMs - outstandingMs + this.#stolenMsUntil(nowMs))
    return this.#shownCpuMs / 1000
  }
  #shownCpuMs = 0

  /** A neighbour process in the container keeps this share of its limit busy. */
  stealCpu(share: number): void {
    const nowMs = this.#clock.nowMs()
    this.#stolenMs = this.#stolenMsUntil(nowMs)
    this.#stolenSinceMs = nowMs
    this.#stolenShare = share
  }

  #stolenMsUntil(nowMs: number): number {
    return this.#stolenMs + (nowMs - this.#stolenSinceMs) * this.#stolenShare * this.options.cpus
  }

  /** States what a pool of the process holds now. */
  hold(pool: string, bytes: number): void {
    this.#pools.set(pool, bytes)
  }

  /** What leaked stays until the process ends. */
  leak(bytesPerSecond: number): void {
    this.#leakedBytes = this.#leakedUntilNow()
    this.#leakSinceMs = this.#clock.nowMs()
    this.#leakBytesPerSecond = bytesPerSecond
  }

  #leakedUntilNow(): number {
    return this.#leakedBytes + ((this.#clock.nowMs() - this.#leakSinceMs) / 1000) * this.#leakBytesPerSecond
  }

  get memoryBytes(): number {
    let bytes = this.options.memoryBaseBytes + this.#leakedUntilNow()
    for (const held of this.#pools.values()) bytes += held
    return Math.round(bytes)
  }

  /** The process ended: its memory is free and its work is lost. A leak in the code leaks on in the next process. */
  processEnded(): void {
    this.#pools.clear()
    this.#leakedBytes = 0
    this.#leakSinceMs = this.#clock.nowMs()
    const nowMs = this.#clock.nowMs()
    // The lost work was booked already but never done; take it back, or CPU time would show for a dead process.
    const speed = this.#coreSpeed * Math.max(0.01, 1 - this.#stolenShare)
    for (let i = 0; i < this.#coreFreeAtMs.length; i += 1) {
      const restMs = this.#coreFreeAtMs[i]! - nowMs
      if (restMs > 0) {
        this.#workMs -= restMs * speed
        this.#coreFreeAtMs[i] = nowMs
      }
    }
  }
}
