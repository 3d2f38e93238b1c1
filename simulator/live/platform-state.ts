/**
 * What faults have done to the live platform: one state for each process, sent whole whenever it changes. The handles by
 * which faults act (`FaultWorld`) only write here; processes are killed and started by whoever supervises them.
 */
import type { LinkState } from '../../services/runtime/live/links.ts'
import type { LiveClock } from '../../services/runtime/live/live-clock.ts'
import type { ContainerState, ServiceState } from '../../services/runtime/live/process-state.ts'
import type { FaultWorld, Injection, ProcessControl } from '../faults/define-fault.ts'
import { containerNames, serviceNames } from '../faults/fault-targets.ts'
import type { NamedTenant } from '../workload/tenants.ts'
import { withTenantId } from '../world/fault-controls.ts'
import { containersOf } from '../world/platform-models.ts'
import type { World } from '../world/world-schema.ts'
import type { InfrastructureState, PoisonState } from './infrastructure/infrastructure-state.ts'
import type { TrafficState } from './traffic/traffic-state.ts'

export type ProcessName = (typeof serviceNames)[number] | 'infrastructure' | 'traffic'
export type AnyState = ServiceState | InfrastructureState | TrafficState

export interface PlatformStateOptions {
  readonly world: World
  readonly tenants: readonly NamedTenant[]
  readonly clock: LiveClock
  /** The process of a service. */
  process(name: string): ProcessControl
  /** Lag of a topic as last seen, and asks for it anew. */
  lag(topic: string, partitions: readonly number[] | undefined): number
  /** Parts that are no process of this run (a real Kafka, the Prometheus that judges): faults can't act on them. */
  readonly foreign: ReadonlySet<string>
}

/** A fault that the live world can't play. The message says why. */
export class UnsupportedFaultError extends Error {
  override readonly name = 'UnsupportedFaultError'
}

interface Listener {
  readonly life: number
  tell(state: AnyState): void
}

const nothing: ContainerState = { leakBytesPerSecond: 0, stolenShare: 0 }

export class PlatformState {
  readonly #options: PlatformStateOptions
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #injections = new Map<number, Injection>()
  readonly #links = new Map<string, { addedMs: number; lossRatio: number; partitions: number }>()
  readonly #containers = new Map<string, ContainerState>()
  readonly #down = new Set<string>()
  readonly #filled = new Map<string, number>()
  readonly #poison = new Map<string, PoisonState>()
  readonly #factors = new Map<number, { tenant: string | undefined; factor: number }>()
  #flushes = 0
  #churn = { keysPerSecond: 0, bytesPerKey: 0 }
  #nextId = 1
  #scheduled = false
  /** By name: the lives below this number may work. */
  readonly #begun = new Map<string, number>()

  constructor(options: PlatformStateOptions) {
    this.#options = options
  }

  /**
   * Tells the state, and again whenever it changes. A process waits for its first state before it begins, so nothing is
   * told to one that is held.
   * @param life how many processes of this name there were before
   * @returns stops
   */
  listen(process: string, tell: (state: AnyState) => void, life = 0): () => void {
    const listeners = this.#listeners.get(process) ?? new Set()
    this.#listeners.set(process, listeners)
    const listener = { life, tell }
    listeners.add(listener)
    if (life < this.#begunOf(process)) tell(this.stateOf(process))
    return () => listeners.delete(listener)
  }

  /** Whether a process listens already. */
  isWaiting(process: string): boolean {
    return (this.#listeners.get(process)?.size ?? 0) > 0
  }

  /**
   * Lets a process begin: one that listens already, or will.
   * @param below only lives below this number; where the one who starts them is elsewhere, the next may be here early
   */
  release(process: string, below = Number.POSITIVE_INFINITY): void {
    if (below === this.#begun.get(process)) return
    this.#begun.set(process, below)
    this.#tell(process)
  }

  /** The next process of this name waits. */
  hold(process: string): void {
    this.#begun.delete(process)
  }

  isProcess(name: string): boolean {
    return name === 'infrastructure' || name === 'traffic' || isService(name)
  }

  stateOf(process: string): AnyState {
    if (process === 'traffic') return { factors: [...this.#factors.values()] }
    return process === 'infrastructure' ? this.#infrastructure() : this.#service(process)
  }

  /** Something that an effect or a ratio reads has changed (the severity of a fault). */
  changed(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // All that one step of a fault changes goes out at once.
    queueMicrotask(() => {
      this.#scheduled = false
      for (const process of this.#begun.keys()) this.#tell(process)
    })
  }

  #tell(process: string): void {
    const state = this.stateOf(process)
    for (const { life, tell } of this.#listeners.get(process) ?? []) if (life < this.#begunOf(process)) tell(state)
  }

  #begunOf(process: string): number {
    return this.#begun.get(process) ?? 0
  }

  #service(name: string): ServiceState {
    return {
      injections: [...this.#injections]
        .filter(([, { service }]) => service === name)
        .map(([id, { service, point, where, ratio, spread, effect }]) => ({
          id,
          service,
          point,
          where,
          spread,
          ratio: ratio(),
          effect: effect(),
        })),
      links: Object.fromEntries(
        [...this.#links]
          .filter(([key]) => key.startsWith(`${name}>`))
          .map(([key, link]) => [key.slice(name.length + 1), linkState(link)]),
      ),
      container: this.#containers.get(name) ?? nothing,
    }
  }

  #infrastructure(): InfrastructureState {
    return {
      down: [...this.#down],
      links: Object.fromEntries([...this.#links].map(([key, link]) => [key, linkState(link)])),
      containers: Object.fromEntries(this.#containers),
      filled: Object.fromEntries(this.#filled),
      flushes: this.#flushes,
      churn: this.#churn,
      poison: [...this.#poison.values()],
    }
  }

  /** The handles by which faults act. */
  controls(): FaultWorld {
    const { world, tenants, clock } = this.#options
    const limits = new Map(containersOf(world).map(({ name, memoryLimitBytes }) => [name, memoryLimitBytes]))
    return {
      process: (name) => (isService(name) ? this.#options.process(name) : this.#exporter(name)),
      server: (name) => {
        this.#refuseForeign(name)
        return { stop: () => this.#setDown(name, true), start: () => this.#setDown(name, false) }
      },
      link: (from, to) => this.#link(from, to),
      container: (name) => ({
        memoryLimitBytes: limits.get(name)!,
        leak: (leakBytesPerSecond) => this.#setContainer(name, { leakBytesPerSecond }),
        stealCpu: (stolenShare) => this.#setContainer(name, { stolenShare }),
      }),
      filesystem: (mountpoint) => ({
        fillUntilAvailable: (share) => {
          if (share === undefined) this.#filled.delete(mountpoint)
          else this.#filled.set(mountpoint, share)
          this.changed()
        },
      }),
      traffic: () => ({
        multiply: (tenant, factor) => {
          if (tenant !== undefined && !tenants.some(({ id, rank }) => id === tenant || String(rank) === tenant)) {
            throw new UnsupportedFaultError(`no tenant is called "${tenant}"`)
          }
          const id = this.#nextId++
          this.#factors.set(id, { tenant, factor })
          this.changed()
          return () => {
            this.#factors.delete(id)
            this.changed()
          }
        },
      }),
      cache: () => ({
        flush: () => {
          this.#flushes += 1
          this.changed()
        },
        churn: (keysPerSecond, bytesPerKey) => {
          this.#churn = { keysPerSecond, bytesPerKey }
          this.changed()
        },
      }),
      topic: (name) => ({
        poison: (ratio, partitions) => {
          this.#refuseForeign('kafka')
          const key = `${name}/${partitions?.join(',') ?? ''}`
          if (ratio === 0) this.#poison.delete(key)
          else this.#poison.set(key, { topic: name, ratio, partitions })
          this.changed()
        },
        lag: (partitions) => this.#options.lag(name, partitions),
      }),
      inject: (injection) => {
        const id = this.#nextId++
        this.#injections.set(id, withTenantId(injection, tenants))
        this.changed()
        return () => {
          this.#injections.delete(id)
          this.changed()
        }
      },
      repeat: (everyMs, step) => {
        let cancel = () => {}
        const run = () => {
          step()
          cancel = clock.after(everyMs, run)
        }
        cancel = clock.after(everyMs, run)
        return () => cancel()
      },
      later: (afterMs, step) => clock.after(afterMs, step),
    }
  }

  #exporter(name: string): ProcessControl {
    this.#refuseForeign(name)
    const unsupported = () => {
      throw new UnsupportedFaultError(`${name} can be stopped, but not made to hang`)
    }
    return {
      kill: () => this.#setDown(name, true),
      start: () => this.#setDown(name, false),
      freeze: unsupported,
      thaw: unsupported,
    }
  }

  #refuseForeign(name: string): void {
    if (!this.#options.foreign.has(name)) return
    throw new UnsupportedFaultError(`${name} is a real server that is not a part of this run: stop it by its own means`)
  }

  #setDown(name: string, down: boolean): void {
    if (down) this.#down.add(name)
    else this.#down.delete(name)
    this.changed()
  }

  #setContainer(name: string, change: Partial<ContainerState>): void {
    if (!(containerNames as readonly string[]).includes(name)) throw new Error(`no container is called "${name}"`)
    this.#containers.set(name, { ...(this.#containers.get(name) ?? nothing), ...change })
    this.changed()
  }

  #link(from: string, to: string) {
    const key = `${from}>${to}`
    const change = (apply: (link: { addedMs: number; lossRatio: number; partitions: number }) => void) => {
      const link = this.#links.get(key) ?? { addedMs: 0, lossRatio: 0, partitions: 0 }
      apply(link)
      if (link.addedMs === 0 && link.lossRatio === 0 && link.partitions === 0) this.#links.delete(key)
      else this.#links.set(key, link)
      this.changed()
    }
    return {
      addLatency: (ms: number) =>
        change((link) => {
          link.addedMs += ms
        }),
      setLoss: (ratio: number) =>
        change((link) => {
          link.lossRatio = ratio
        }),
      // Counted, so that two faults that cut the same link do not heal each other.
      setPartitioned: (partitioned: boolean) =>
        change((link) => {
          link.partitions += partitioned ? 1 : -1
        }),
    }
  }
}

function linkState({
  addedMs,
  lossRatio,
  partitions,
}: {
  addedMs: number
  lossRatio: number
  partitions: number
}): LinkState {
  return { addedMs, lossRatio, partitioned: partitions > 0 }
}

function isService(name: string): boolean {
  return (serviceNames as readonly string[]).includes(name)
}
