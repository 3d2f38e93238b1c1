/**
 * The backend's view of what it depends on: database, cache, ML engine and bus, each with its spans, its times and a
 * memory of whether it could be reached.
 */
import { createDependencyHealth } from '../runtime/dependency-health.ts'
import { propagate } from '../runtime/http-server.ts'
import {
  DependencyError,
  type OutgoingBatch,
  type OutgoingRequest,
  type Ports,
  type Query,
  type RequestContext,
  type ServiceResponse,
} from '../runtime/ports.ts'
import { type Span, SpanKind, traceparentOf } from '../runtime/telemetry/tracing.ts'
import type { BackendApiMetrics, CacheType } from './metrics.ts'

export type Dependencies = ReturnType<typeof createDependencies>

const prefixes: Readonly<Record<CacheType, string>> = { recommendations: 'rec:', items: 'item:', sessions: 'session:' }

export function createDependencies(ports: Ports, metrics: BackendApiMetrics, onLookup: (hit: boolean) => void) {
  const { clock, tracer } = ports
  const health = createDependencyHealth(ports)

  /** Runs an operation inside a span of the request, and remembers how the dependency did. */
  async function observe<T>(
    name: string,
    span: Span | undefined,
    observeSeconds: (seconds: number) => void,
    run: () => Promise<T>,
  ): Promise<T> {
    const startMs = clock.nowMs()
    try {
      const result = await run()
      health.reached(name)
      return result
    } catch (error) {
      span?.fail(error as Error)
      health.failed(error, name)
      throw error
    } finally {
      observeSeconds(Math.round((clock.nowMs() - startMs) * 1000) / 1e6)
      span?.end()
    }
  }

  function cacheSpan(operation: string, key: string, context: RequestContext): Span | undefined {
    return tracer.startChild(`cache.${operation}`, context.span, {
      kind: SpanKind.CLIENT,
      attributes: { 'cache.operation': operation, 'cache.key': key },
    })
  }

  return {
    /** @returns undefined on a miss, and when the cache can't be reached: a cache is never worth an error */
    async cached(type: CacheType, key: string, context: RequestContext): Promise<unknown> {
      const fullKey = prefixes[type] + key
      let value: unknown
      try {
        value = await observe(
          'redis',
          cacheSpan('get', fullKey, context),
          (seconds) => metrics.cacheDuration.observe({ cache_type: type, operation: 'get' }, seconds),
          () => ports.cache.get(fullKey),
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
          cacheSpan('set', fullKey, context),
          (seconds) => metrics.cacheDuration.observe({ cache_type: type, operation: 'set' }, seconds),
          () => ports.cache.set(fullKey, value, options),
        )
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
      }
    },

    query(query: Query, context: RequestContext): Promise<void> {
      const span = tracer.startChild(`db.${query.type}`, context.span, {
        kind: SpanKind.CLIENT,
        attributes: { 'db.system': 'postgresql', 'db.statement': query.statement },
      })
      return observe(
        'postgres',
        span,
        (seconds) => metrics.queryDuration.observe({ query_type: query.type }, seconds),
        () => ports.database.query(query),
      )
    },

    callMlEngine(request: Omit<OutgoingRequest, 'to' | 'headers'>, context: RequestContext): Promise<ServiceResponse> {
      const span = tracer.startChild('ml_engine_call', context.span, {
        kind: SpanKind.CLIENT,
        attributes: { 'http.request.method': 'POST', 'server.address': 'ml-engine', 'http.route': request.route },
      })
      const headers = propagate(context, span && traceparentOf(span))
      return observe('ml-engine', span, ignoreSeconds, () =>
        ports.http.request({ ...request, to: 'ml-engine', headers }),
      )
    },

    publish(batch: Omit<OutgoingBatch, 'headers'>, context: RequestContext): Promise<void> {
      const span = tracer.startChild('kafka.produce', context.span, {
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'kafka',
          'messaging.destination.name': batch.topic,
          'messaging.batch.message_count': batch.count,
        },
      })
      const headers: Record<string, string> = span ? { traceparent: traceparentOf(span) } : {}
      return observe('kafka', span, ignoreSeconds, () => ports.bus.publish({ ...batch, headers }))
    },

    /** What the cache server holds for one kind of key. */
    cacheUsage: (type: CacheType) => ports.cache.usage(prefixes[type]),
  }
}

function ignoreSeconds(): void {}
