/**
 * A Redis server: real keys with times to live and a memory limit. When the limit is passed keys go that
 * were not used lately, so hit rates follow from what is asked and what is kept.
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
  readonly key: string
  readonly value: unknown
  readonly bytes: number
  readonly keys: number
  readonly expiresAtMs: number
  /** Number of the command that used it last. */
  usedBy: number
  /** Place in the list of all entries. */
  place: number
}

/** Of so many keys drawn at random the least recently used one goes: Redis's maxmemory-samples, and its default. */
const evictionSamples = 5

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
  readonly #entries = new Map<string, Entry>()
  /** The same entries in any order, to draw from. */
  readonly #all: Entry[] = []
  #uses = 0
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
      entry.usedBy = ++this.#uses
      return entry.value
    }
    if (entry) this.#remove(entry, 'expired')
    this.keyspaceMisses += 1
    return undefined
  }

  /** @param keys how many keys the entry stands for (a neighbour's writes are kept together) */
  set(key: string, value: unknown, bytes: number, ttlMs: number, keys = 1): void {
    const previous = this.#entries.get(key)
    if (previous) this.#release(previous)
    const entry: Entry = {
      key,
      value,
      bytes: bytes + keys * overheadBytes,
      keys,
      expiresAtMs: this.#clock.nowMs() + ttlMs,
      usedBy: ++this.#uses,
      place: this.#all.length,
    }
    this.#entries.set(key, entry)
    this.#all.push(entry)
    const usage = this.#usageOf(key)
    usage.bytes += entry.bytes
    usage.keys += keys
    this.#usedBytes += entry.bytes
    this.#holdMemory()
    while (this.#usedBytes > this.options.memoryMaxBytes && this.#all.length > 0) {
      const victim = this.#drawVictim()
      this.#remove(victim, victim.expiresAtMs > this.#clock.nowMs() ? 'maxmemory' : 'expired')
    }
  }

  #drawVictim(): Entry {
    let victim = this.#all[this.#rng.int(this.#all.length)]!
    for (let i = 1; i < evictionSamples; i += 1) {
      const other = this.#all[this.#rng.int(this.#all.length)]!
      if (other.usedBy < victim.usedBy) victim = other
    }
    return victim
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

  /** Redis removes expired keys by and by, also when nobody asks for them: it looks at so many drawn at random. */
  expireSome(samples: number): void {
    const nowMs = this.#clock.nowMs()
    for (let i = 0; i < samples && this.#all.length > 0; i += 1) {
      const entry = this.#all[this.#rng.int(this.#all.length)]!
      if (entry.expiresAtMs <= nowMs) this.#remove(entry, 'expired')
    }
  }

  #remove(entry: Entry, reason: EvictionReason): void {
    this.#usageOf(entry.key).evictions[reason] += entry.keys
    this.#release(entry)
  }

  #release(entry: Entry): void {
    this.#entries.delete(entry.key)
    const last = this.#all.pop()!
    if (last !== entry) {
      this.#all[entry.place] = last
      last.place = entry.place
    }
    const usage = this.#usageOf(entry.key)
    usage.bytes -= entry.bytes
    usage.keys -= entry.keys
    this.#usedBytes -= entry.bytes
    this.#holdMemory()
  }

  #dropAll(): void {
    this.#entries.clear()
    this.#all.length = 0
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
