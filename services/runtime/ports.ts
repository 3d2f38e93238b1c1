/**
 * The ports: a service's only way out. Read this file first.
 *
 * A service receives a set of ports and never learns which world it lives in: the virtual world hands it a clock that
 * jumps from event to event, the live world one that follows the machine. Nothing under `services/` (but `live/` and
 * `main.ts`) reads the machine's clock, draws its own dice or opens a connection.
 */
import type { Registry } from 'prom-client'
import type { Logger } from './telemetry/logging.ts'
import type { Span, Tracer } from './telemetry/tracing.ts'

/** Time. All times are milliseconds; fractions reach down to whole microseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Resolves after `ms` milliseconds. Never resolves once the process that called it has been killed. */
  sleep(ms: number): Promise<void>
}

/** Chance. A stream is seeded by the seed of the run and by its label, and by nothing else. */
export interface Rng {
  /** A new stream for one purpose. Fork once, where the thing is built: a fork starts from the beginning. */
  fork(label: string): Rng
  /** Uniform in [0, 1). */
  next(): number
  /** True with the given probability (0 to 1). Always draws, so that a changed probability shifts nothing else. */
  chance(probability: number): boolean
  /** A whole number in [0, bound). */
  int(bound: number): number
  pick<T>(items: readonly T[]): T
  /** Mean 1, memoryless: multiply by the mean gap between two arrivals. */
  exponential(): number
  /** `digits` lower-case hexadecimal digits. */
  hex(digits: number): string
}

/**
 * A latency profile: milliseconds at the quantiles 0, 0.5, 0.9, 0.99 and 1, joined by straight lines.
 * (Curves that need `exp` or `log` differ between JavaScript engines in their last digits.)
 */
export type LatencyProfile = readonly [p0: number, p50: number, p90: number, p99: number, p100: number]

/** Work on the processor of the service's own container. */
export interface Cpu {
  /**
   * Takes `ms` of processor time; resolves when the work is done, which is later than `ms` when the container's limit
   * is shared with other work.
   */
  work(ms: number): Promise<void>
  /** Books processor time without waiting for it (work whose time is already part of another wait). */
  account(ms: number): void
}

/** Memory of the service's own container. */
export interface Memory {
  /** States how much the named pool holds now, in bytes (for example a cache). */
  hold(pool: string, bytes: number): void
}

/** What travels with a request through services: ids, tenant and trace. */
export interface RequestContext {
  readonly requestId: string
  tenantId: string
  userId: string
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** The active span, absent when the head sampler left this request out. */
  span: Span | undefined
  /** Whether the head sampler took this request: then it has spans and an access log. */
  readonly sampled: boolean
}

export interface ServiceRequest {
  /** `METHOD /templated/{path}`, for example `GET /items/{id}`. */
  readonly route: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Size of the body on the wire. */
  readonly bodyBytes: number
}

export interface ServiceResponse {
  readonly status: number
  readonly body: unknown
  /** Size of the answer on the wire, bytes. */
  readonly bodyBytes: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface OutgoingRequest {
  /** Name of the service to call, for example `ml-engine`. */
  readonly to: string
  readonly route: string
  readonly params?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly bodyBytes?: number
  /** After this time the call rejects with a {@link DependencyError} of kind `timeout`. */
  readonly timeoutMs: number
}

export interface HttpClient {
  /**
   * Calls another service. W3C trace context of `context` is sent along.
   * @throws DependencyError when no answer arrived (refused, reset, timeout). A status of 500 is an answer.
   */
  request(request: OutgoingRequest, context?: RequestContext): Promise<ServiceResponse>
}

export type DependencyFailure = 'refused' | 'reset' | 'timeout' | 'unavailable' | 'pool-exhausted' | 'disk-full'

/** A dependency did not do its part. `dependency` is its name, for example `postgres`. */
export class DependencyError extends Error {
  readonly dependency: string
  readonly kind: DependencyFailure
  constructor(dependency: string, kind: DependencyFailure, message: string) {
    super(message)
    this.name = 'DependencyError'
    this.dependency = dependency
    this.kind = kind
  }
}

export type QueryType = 'select' | 'insert' | 'update' | 'delete'

export interface Query {
  readonly type: QueryType
  readonly table: string
  /** Parametrised SQL, for the span. */
  readonly statement: string
  /** Rows fetched or written. */
  readonly rows: number
  /** How much heavier than a look-up by key, 1 when left out. */
  readonly weight?: number
  /** Of rows that are inserted: how many belong to each tenant. */
  readonly tenantRows?: Readonly<Record<string, number>>
}

/** A pool of connections to a database server. */
export interface Database {
  readonly poolName: string
  /** Connections open now. */
  readonly poolSize: number
  /**
   * @param parent the query's span is below this one's
   * @throws DependencyError when the server or a connection to it is not to be had.
   */
  query(query: Query, parent?: Pick<RequestContext, 'span'>): Promise<void>
  /** Asks the server how many bytes it holds for each tenant. @throws DependencyError */
  tenantBytes(): Promise<Readonly<Record<string, number>>>
}

/** A connection to a shared cache server. */
export interface Cache {
  /** @returns the value, or undefined when there is none. @throws DependencyError */
  get(key: string, context?: RequestContext): Promise<unknown>
  /** @throws DependencyError */
  set(key: string, value: unknown, options: { bytes: number; ttlMs: number }, context?: RequestContext): Promise<void>
  /** What the server reports of the keys that start with `prefix`. */
  usage(prefix: string): CacheUsage
}

export interface CacheUsage {
  readonly bytes: number
  /** Keys gone since the server started, by reason. */
  readonly evictions: Readonly<Record<'maxmemory' | 'expired' | 'flushed', number>>
}

/** Messages that travel together. The model may move many events of a clickstream as one counted batch. */
export interface MessageBatch {
  readonly topic: string
  readonly partition: number
  /** Offset of the first message of the batch. */
  readonly offset: number
  readonly count: number
  readonly tenantId: string
  /** When it was produced, milliseconds since the Unix epoch. */
  readonly timestampMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly value: unknown
  /** Messages of the batch that no consumer can read. */
  readonly poisoned: number
}

export interface OutgoingBatch {
  readonly topic: string
  /** Messages with the same key share a partition. */
  readonly key: string
  readonly count: number
  readonly bytes: number
  readonly tenantId: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: unknown
}

export interface PartitionState {
  readonly partition: number
  /** Offset of the next message to be produced. */
  readonly endOffset: number
  /** Offset of the next message to be read by the group. */
  readonly committedOffset: number
}

export interface MessageBus {
  /** @throws DependencyError when the broker is not to be had. */
  publish(batch: OutgoingBatch, context?: RequestContext): Promise<void>
  /** Waits for the next batches of a partition (at most `maxMessages` messages, a batch may be split). */
  poll(topic: string, partition: number, group: string, maxMessages: number): Promise<readonly MessageBatch[]>
  commit(topic: string, partition: number, group: string, offset: number): Promise<void>
  /** @throws DependencyError when the broker is not to be had. */
  partitions(topic: string, group: string): Promise<readonly PartitionState[]>
}

/** Files on the host that the service writes (models, extracts). */
export interface Disk {
  /** @throws DependencyError of kind `disk-full`. */
  write(path: string, bytes: number): Promise<void>
  read(path: string, bytes: number): Promise<void>
  /** Gives `bytes` of earlier writes back. */
  free(bytes: number): void
}

/**
 * Where a fault can act inside a service: the service asks at each such point, the world answers. Without a fault each
 * answer is undefined. (Faults act on causes: they make the code of a route throw or wait, they never touch a metric.)
 */
export interface FaultPoints {
  at(point: string, tags: Readonly<Record<string, string>>): FaultEffect | undefined
}

export interface FaultEffect {
  /** Wait this long at this point. */
  readonly delayMs?: number
  /** Multiply the time of the work at this point. */
  readonly slowdown?: number
  /** Throw an error of this type and with this message. */
  readonly error?: { readonly type: string; readonly message: string; readonly reason?: string }
  /** Multiply the quality of what is produced here, 0 to 1. */
  readonly quality?: number
  /** Do nothing here (a stalled loop). */
  readonly stall?: boolean
}

/** The set of ports that a world hands to one instance (one process) of a service. */
export interface Ports {
  readonly clock: Clock
  readonly rng: Rng
  readonly cpu: Cpu
  readonly memory: Memory
  readonly http: HttpClient
  readonly bus: MessageBus
  readonly database: Database
  readonly cache: Cache
  readonly disk: Disk
  readonly faults: FaultPoints
  readonly logger: Logger
  readonly tracer: Tracer
  /** What `/metrics` shows. Empty when the instance starts, so counters start anew. */
  readonly registry: Registry
}
