/**
 * The backend's view of what it depends on: database, cache, ML engine and bus, each with its times and a memory of
 * whether it could be reached. (The ports make the spans.)
 */
import { createDependencyHealth } from '../runtime/dependency-health.ts'
import {
  DependencyError,
  type OutgoingBatch,
  type OutgoingRequest,
  type Ports,
  type Query,
  type RequestContext,
  type ServiceResponse,
} from '../runtime/ports.ts'
import type { BackendApiMetrics, CacheType } from './metrics.ts'

export type Dependencies = ReturnType<typeof createDependencies>

const prefixes: Readonly<Record<CacheType, string>> = { recommendations: 'rec:', items: 'item:', sessions: 'session:' }

export function createDependencies(ports: Ports, metrics: BackendApiMetrics, onLookup: (hit: boolean) => void) {
  const { clock } = ports
  const health = createDependencyHealth(ports)

  /** Takes the time of an operation, and remembers how the dependency did. */
  async function observe<T>(
    name: string,
    observeSeconds: (seconds: number) => void,
    run: () => Promise<T>,
  ): Promise<T> {
    const startMs = clock.nowMs()
    try {
      const result = await run()
      health.reached(name)
      return result
    } catch (error) {
      health.failed(error, name)
      throw error
    } finally {
      observeSeconds(Math.round((clock.nowMs() - startMs) * 1000) / 1e6)
    }
  }

  return {
    /** @returns undefined on a miss, and when the cache can't be reached: a cache is never worth an error */
    async cached(type: CacheType, key: string, context: RequestContext): Promise<unknown> {
      const fullKey = prefixes[type] + key
      let value: unknown
      try {
        value = await observe(
          'redis',
          (seconds) => metrics.cacheDuration.observe({ cache_type: type, operation: 'get' }, seconds),
          () => ports.cache.get(fullKey, context),
        )
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
      }
      const hit = value !== undefined
      ;(hit ? metrics.cacheHits : metrics.cacheMisses).inc({ cache_type: type })
      onLookup(hit)
      return value
    },

    /** Keeps a value; a cache that can't be reached is passed over. */
    async keep(
      type: CacheType,
      key: string,
      value: unknown,
      options: { bytes: number; ttlMs: number },
      context: RequestContext,
    ): Promise<void> {
      const fullKey = prefixes[type] + key
      try {
        await observe(
          'redis',
          (seconds) => metrics.cacheDuration.observe({ cache_type: type, operation: 'set' }, seconds),
          () => ports.cache.set(fullKey, value, options, context),
        )
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
      }
    },

    query(query: Query, context: RequestContext): Promise<void> {
      return observe(
        'postgres',
        (seconds) => metrics.queryDuration.observe({ query_type: query.type }, seconds),
        () => ports.database.query(query, context),
      )
    },

    callMlEngine(request: Omit<OutgoingRequest, 'to' | 'headers'>, context: RequestContext): Promise<ServiceResponse> {
      return observe('ml-engine', ignoreSeconds, () => ports.http.request({ ...request, to: 'ml-engine' }, context))
    },

    publish(batch: Omit<OutgoingBatch, 'headers'>, context: RequestContext): Promise<void> {
      return observe('kafka', ignoreSeconds, () => ports.bus.publish({ ...batch, headers: {} }, context))
    },

    /** What the cache server holds for one kind of key. */
    cacheUsage: (type: CacheType) => ports.cache.usage(prefixes[type]),
  }
}

function ignoreSeconds(): void {}
