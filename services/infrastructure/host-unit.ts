/**
 * A control group of the host that is no container: a unit of systemd with limits of its own, such as a backup that may
 * use half a core. The page cache of what it reads fills its memory up to the limit, and nothing is wrong with that.
 */
import type { Clock } from '../runtime/ports.ts'

export interface HostUnitOptions {
  /** For example `backup.service`. */
  readonly unit: string
  /** CPU limit in cores. */
  readonly cpus: number
  readonly memoryLimitBytes: number
  /** Share of the CPU limit that it uses all the time, 0 to 1. */
  readonly cpuShare: number
  /** Share of the memory limit that it holds, 0 to 1. */
  readonly memoryShare: number
}

export class HostUnit {
  readonly options: HostUnitOptions
  readonly memoryBytes: number
  readonly #clock: Clock
  readonly #startedMs: number

  constructor(options: HostUnitOptions, clock: Clock) {
    this.options = options
    this.memoryBytes = Math.round(options.memoryLimitBytes * options.memoryShare)
    this.#clock = clock
    this.#startedMs = clock.nowMs()
  }

  /** Processor seconds used since it was started, never falling. */
  get cpuSeconds(): number {
    const { cpus, cpuShare } = this.options
    return ((this.#clock.nowMs() - this.#startedMs) / 1000) * cpus * cpuShare
  }
}
