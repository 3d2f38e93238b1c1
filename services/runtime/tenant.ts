/** A customer of the platform. Every service that works for tenants is configured with the list of them. */
export interface Tenant {
  readonly id: string
  readonly plan: string
  /** Place by size, from 1 (the largest). */
  readonly rank: number
  readonly users: number
  readonly items: number
  /** Share of the load relative to the other tenants. */
  readonly weight: number
  /** Rate limit: refill of the token bucket. */
  readonly requestsPerSecond: number
  /** Size of the token bucket. */
  readonly burst: number
  readonly status: 'active' | 'trial' | 'suspended'
  /** NDCG@10 of a freshly trained model, 0 to 1. */
  readonly quality: number
}
