/** What the backend API is configured with; the world file's section of the same name has this shape. */
import type { Tenant } from '../runtime/tenant.ts'
import type { Prices } from '../runtime/tenant-usage.ts'

export interface BackendApiConfig {
  readonly tenants: readonly Tenant[]
  readonly counters: 'lazy' | 'eager'
  readonly prices: Prices
  /** Share of requests that are traced and access-logged. */
  readonly sampling: number
  readonly server: { readonly workers: number; readonly queue: number; readonly queueTimeout: number }
  readonly cpuPerRequest: number
  readonly mlTimeout: number
  readonly mlRetries: number
  readonly recommendationTtl: number
  readonly recommendationBytes: number
  readonly itemTtl: number
  readonly itemBytes: number
  readonly sessionTtl: number
  /** USD per thousand recommendations (mock). */
  readonly revenuePerThousand: number
}
