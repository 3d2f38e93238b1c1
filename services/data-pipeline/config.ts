/** What the data pipeline is configured with; the world file's section of the same name has this shape. */
import type { Tenant } from '../runtime/tenant.ts'
import type { Prices } from '../runtime/tenant-usage.ts'

export interface DataPipelineConfig {
  readonly tenants: readonly Tenant[]
  readonly counters: 'lazy' | 'eager'
  readonly prices: Prices
  /** Share of requests that are traced and access-logged. Jobs always are, messages when their producer was. */
  readonly sampling: number
  readonly topics: readonly TopicConfig[]
  readonly pollMessagesMax: number
  readonly pollEvery: number
  readonly etl: readonly EtlConfig[]
}

export interface TopicConfig {
  readonly topic: string
  readonly partitions: number
  /** What one consumer of one partition can process. */
  readonly messagesPerSecond: number
  /** Share of messages that fail validation. */
  readonly rejected: number
}

export interface EtlConfig {
  readonly job: string
  readonly every: number
  readonly source: string
  readonly records: number
  /** Share of records that are skipped. */
  readonly skipped: number
  readonly extract: number
  readonly transform: number
  readonly load: number
}
