/**
 * What a fault is: parameters with a schema, something it does to a cause, and what that should visibly change.
 * A fault never touches a metric: it stops a process, slows a link, makes the code of a route throw.
 */
import type { z } from 'zod'
import type { Injection } from '../../services/runtime/fault-table.ts'

export type { Injection }

export interface FaultDefinition<Params> {
  /** Name in scenario files, for example `consumer.stall`. */
  readonly name: string
  /** One sentence: what is broken. */
  readonly description: string
  /** `target` and the parameters of the fault. Unknown keys are errors. */
  readonly schema: z.ZodType<Params>
  /** True when `severity` in a scenario makes sense: the fault has degrees. */
  readonly graded: boolean
  /** Acts on the cause. Called once, at the start of the event. */
  start(world: FaultWorld, params: Params): ActiveFault
  /** What should be seen to change. When none of it does, the verdict is "fault had no effect". */
  visible(params: Params): readonly VisibleEffect[]
  /** One line for reports, for example `consumer of interactions [0, 1] stands still`. */
  describe(params: Params): string
}

export interface ActiveFault {
  /** 0 (nothing) to 1 (full). Called at once after the start, and again while a ramp runs. */
  setSeverity(severity: number): void
  /** Heals the cause. */
  stop(): void
}

export function defineFault<Params>(definition: FaultDefinition<Params>): FaultDefinition<Params> {
  return definition
}

/**
 * A change that somebody who watches the platform sees, read from the platform itself (before any scrape config):
 * gauges by their median, counters over the whole time, during the event against an equal time before it.
 */
export interface VisibleEffect {
  /** For messages: `5xx answers a second of backend-api`. */
  readonly what: string
  /** Process whose exposition is read, for example `backend-api` or `postgres-exporter`. */
  readonly process: string
  /** `reachable` reads 1 while the process answers and 0 while it does not. */
  readonly metric: string
  /** Exact label values (a list: one of them), or an expression. */
  readonly where?: Readonly<Record<string, string | readonly string[] | RegExp>>
  /**
   * `value` sums gauges, `max` and `min` take the largest and the least; `rate` is the change a second;
   * `increase` the change over the whole time; `mean` is sum over count of a histogram; `age` is the time since a gauge
   * that holds a Unix time, seconds (0: never, which is no age).
   */
  readonly as: 'value' | 'max' | 'min' | 'age' | 'rate' | 'increase' | 'mean' | 'reachable'
  readonly direction: 'up' | 'down'
  /** Smallest change that counts, relative to before; 0.2 when left out. */
  readonly least?: number
}

/** What faults can act on. The virtual world implements it; so does the control port of the live world. */
export interface FaultWorld {
  /** A process: a service, or an exporter. */
  process(name: string): ProcessControl
  server(name: 'postgres' | 'redis' | 'kafka'): ServerControl
  link(from: string, to: string): LinkControl
  container(name: string): ContainerControl
  filesystem(mountpoint: string): FilesystemControl
  traffic(): TrafficControl
  cache(): CacheControl
  topic(name: string): TopicControl
  /** Puts an effect at a fault point of a service. @returns removes it */
  inject(injection: Injection): () => void
  /** Runs a step every `everyMs` until the returned function is called. */
  repeat(everyMs: number, step: () => void): () => void
  /** Runs a step once, `afterMs` from now. @returns cancels it */
  later(afterMs: number, step: () => void): () => void
}

export interface ProcessControl {
  /** The process dies: work in progress is lost, connections are refused. */
  kill(): void
  /** A new process: memory and counters start anew. Nothing happens when it runs already. */
  start(): void
  /** The process stands still (as after SIGSTOP): connections open, nothing answers. */
  freeze(): void
  thaw(): void
}

export interface ServerControl {
  stop(): void
  start(): void
}

export interface LinkControl {
  addLatency(ms: number): void
  setLoss(ratio: number): void
  setPartitioned(partitioned: boolean): void
}

export interface ContainerControl {
  /** Limit, bytes. */
  readonly memoryLimitBytes: number
  /** Bytes held by the leak, which only grows until it is cleared or the process is killed for it. */
  leak(bytesPerSecond: number): void
  /** A neighbour process inside the container keeps this share of its CPU limit busy. */
  stealCpu(share: number): void
}

export interface FilesystemControl {
  /** Fills until this share of the size is available. Undefined gives back what was filled. */
  fillUntilAvailable(share: number | undefined): void
}

export interface TrafficControl {
  /** Multiplies the load of a tenant, by its position in size or its id; undefined: of all. @returns takes it back */
  multiply(tenant: string | undefined, factor: number): () => void
}

export interface CacheControl {
  flush(): void
  /** Somebody else writes this many keys a second of this size into the same server. */
  churn(keysPerSecond: number, bytesPerKey: number): void
}

export interface TopicControl {
  /** Share of newly produced messages that no consumer can read. */
  poison(ratio: number, partitions: readonly number[] | undefined): void
  /** Sum of produced minus committed over these partitions. */
  lag(partitions: readonly number[] | undefined): number
}
