/** What the ML engine is configured with; the world file's section of the same name has this shape. */
import type { LatencyProfile } from '../runtime/ports.ts'
import type { Tenant } from '../runtime/tenant.ts'
import type { Prices } from '../runtime/tenant-usage.ts'

export interface MlEngineConfig {
  readonly tenants: readonly Tenant[]
  readonly counters: 'lazy' | 'eager'
  readonly prices: Prices
  /** Share of requests that are traced and access-logged. Jobs always are. */
  readonly sampling: number
  readonly server: { readonly workers: number; readonly queue: number; readonly queueTimeout: number }
  readonly inference: LatencyProfile
  readonly embedding: LatencyProfile
  readonly search: LatencyProfile
  /** Share of those times that is work on the processor; the rest is waiting (memory, accelerator). */
  readonly cpuShare: number
  readonly embeddingCacheEntries: number
  readonly embeddingBytes: number
  readonly refreshEvery: number
  readonly refreshTakes: number
  readonly trainingEvery: number
  readonly trainingStages: {
    readonly dataLoading: number
    readonly featureEngineering: number
    readonly modelTraining: number
    readonly modelEvaluation: number
  }
  readonly trainingCpus: number
  readonly trainingMemory: number
  readonly jobSeriesKept: number
}
