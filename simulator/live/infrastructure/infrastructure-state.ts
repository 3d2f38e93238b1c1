/** What is wrong with the infrastructure just now; the controller sends the whole of it whenever it changes. */
import type { LinkState } from '../../../services/runtime/live/links.ts'
import type { ContainerState } from '../../../services/runtime/live/process-state.ts'

export interface InfrastructureState {
  /** Servers and exporters that are away. */
  readonly down: readonly string[]
  /** By `from>to`. */
  readonly links: Readonly<Record<string, LinkState>>
  readonly containers: Readonly<Record<string, ContainerState>>
  /** Share that is left available, by mount point. */
  readonly filled: Readonly<Record<string, number>>
  /** How often the cache was to be emptied so far. */
  readonly flushes: number
  readonly churn: { readonly keysPerSecond: number; readonly bytesPerKey: number }
  readonly poison: readonly PoisonState[]
}

export interface PoisonState {
  readonly topic: string
  readonly ratio: number
  readonly partitions: readonly number[] | undefined
}
