/**
 * A Redis server: real keys with times to live and a memory limit. When the limit is passed the least recently used
 * keys go, so hit rates follow from what is asked and what is kept.
 */
import type { CacheUsage, Clock, LatencyProfile, Rng } from '../runtime/ports.ts'
import { latencyAt } from '../runtime/rng.ts'
import type { Container } from './container.ts'

export interface RedisOptions {
  readonly operation: LatencyProfile
  readonly cpuPerCommandMs: number
  readonly memoryMaxBytes: number
}

interface Entry {
  readonly value: unknown
  readonly bytes: number
  readonly keys: number
  readonly expiresAtMs: number
}

type EvictionReason = 'maxmemory' | 'expired' | 'flushed'
type PrefixUsage = { bytes: number; keys: number; evictions: Record<EvictionReason, number> }

/** What a key costs beside its value. */
const overheadBytes = 96

export class RedisServer {
  readonly options: RedisOptions
  readonly container: Container
  keyspaceHits = 0
  keyspaceMisses = 0
  commands = 0
  connectedClients = 0
  #running = true
  #epoch = 0
  /** In order of last use: a key that is used moves to the end. */
  readonly #entries = new Map<string, Entry>()
  readonly #prefixes = new Map<string, PrefixUsage>()
  #usedBytes = 0
  readonly #clock: Clock
  readonly #rng: Rng

  constructor(options: RedisOptions, container: Container, clock: Clock, rng: Rng) {
    this.options = options
    this.container = container
    this.#clock = clock
    this.#rng = rng
  }

  get running(): boolean {
    return this.#running
  }

  get epoch(): number {
    return this.#epoch
  }

  get usedBytes(): number {
    // An empty server holds some memory of its own.
    return this.#running ? this.#usedBytes + 1_048_576 : 0
  }

  get keys(): number {
    return this.#entries.size
  }

  /** The process ends; what it held in memory is lost, and so are its statistics. */
  stop(): void {
    if (!this.#running) return
    this.#running = false
    this.#epoch += 1
    this.#dropAll()
    this.#prefixes.clear()
    this.keyspaceHits = 0
    this.keyspaceMisses = 0
    this.commands = 0
    this.container.processEnded()
  }

  start(): void {
    this.#running = true
  }

  /** @returns milliseconds until a command is answered */
  commandMs(): number {
    this.commands += 1
    const waitMs = this.container.reserveCpu(this.options.cpuPerCommandMs)
    return latencyAt(this.options.operation, this.#rng.next()) + waitMs
  }

  get(key: string): unknown {
    const entry = this.#entries.get(key)
    if (entry && entry.expiresAtMs > this.#clock.nowMs()) {
      this.keyspaceHits += 1
      this.#entries.delete(key)
      this.#entries.set(key, entry)
      return entry.value
    }
    if (entry) this.#remove(key, entry, 'expired')
    this.keyspaceMisses += 1
    return undefined
  }

  /** @param keys how many keys the entry stands for (a neighbour's writes are kept together) */
  set(key: string, value: unknown, bytes: number, ttlMs: number, keys = 1): void {
    const previous = this.#entries.get(key)
    if (previous) this.#release(key, previous)
    const entry = { value, bytes: bytes + keys * overheadBytes, keys, expiresAtMs: this.#clock.nowMs() + ttlMs }
    this.#entries.set(key, entry)
    const usage = this.#usageOf(key)
    usage.bytes += entry.bytes
    usage.keys += keys
    this.#usedBytes += entry.bytes
    this.#holdMemory()
    for (const [oldestKey, oldest] of this.#entries) {
      if (this.#usedBytes <= this.options.memoryMaxBytes) break
      this.#remove(oldestKey, oldest, oldest.expiresAtMs > this.#clock.nowMs() ? 'maxmemory' : 'expired')
    }
  }

  /** FLUSHALL. */
  flush(): void {
    for (const [key, entry] of this.#entries) this.#usageOf(key).evictions.flushed += entry.keys
    this.#dropAll()
  }

  usage(prefix: string): CacheUsage {
    const usage = this.#prefixes.get(prefix)
    return { bytes: usage?.bytes ?? 0, evictions: { ...(usage?.evictions ?? noEvictions) } }
  }

  /** Redis removes expired keys by and by, also when nobody asks for them. */
  expireOldest(steps: number): void {
    const nowMs = this.#clock.nowMs()
    for (const [key, entry] of this.#entries) {
      if (steps-- <= 0) break
      if (entry.expiresAtMs <= nowMs) this.#remove(key, entry, 'expired')
    }
  }

  #remove(key: string, entry: Entry, reason: EvictionReason): void {
    this.#entries.delete(key)
    this.#usageOf(key).evictions[reason] += entry.keys
    this.#release(key, entry)
  }

  #release(key: string, entry: Entry): void {
    this.#entries.delete(key)
    const usage = this.#usageOf(key)
    usage.bytes -= entry.bytes
    usage.keys -= entry.keys
    this.#usedBytes -= entry.bytes
    this.#holdMemory()
  }

  #dropAll(): void {
    this.#entries.clear()
    for (const usage of this.#prefixes.values()) {
      usage.bytes = 0
      usage.keys = 0
    }
    this.#usedBytes = 0
    this.#holdMemory()
  }

  #holdMemory(): void {
    this.container.hold('keys', this.#usedBytes)
  }

  /** The prefix of a key ends at its first colon. */
  #usageOf(key: string): PrefixUsage {
    const prefix = key.slice(0, key.indexOf(':') + 1)
    let usage = this.#prefixes.get(prefix)
    if (!usage) {
      usage = { bytes: 0, keys: 0, evictions: { ...noEvictions } }
      this.#prefixes.set(prefix, usage)
    }
    return usage
  }
}

const noEvictions = { maxmemory: 0, expired: 0, flushed: 0 } as const
