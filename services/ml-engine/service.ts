/**
 * The ML engine: embeddings, search and recommendation lists over the deployed models; trains a model for each tenant on
 * a schedule and keeps its embedding cache fresh.
 */
import { defineService, type Route } from '../runtime/define-service.ts'
import { createHttpServer, HttpError, type HttpObserver } from '../runtime/http-server.ts'
import { DependencyError } from '../runtime/ports.ts'
import { createTenantUsage } from '../runtime/tenant-usage.ts'
import type { MlEngineConfig } from './config.ts'
import { createEmbeddingCache } from './embedding-cache.ts'
import { createEmbeddingRefresh } from './embedding-refresh.ts'
import { createInference } from './inference.ts'
import { errorTypes, type MlEngineMetrics, registerMlEngineMetrics, trainingFailureReasons } from './metrics.ts'
import { createModels } from './models.ts'
import { createTraining } from './training.ts'

export const mlEngine = defineService<MlEngineConfig>({
  name: 'ml-engine',
  port: 8001,
  create(ports, config) {
    const metrics = registerMlEngineMetrics(ports.registry)
    const usage = createTenantUsage(ports.registry, config.tenants, config.prices, {
      charged: ['compute'],
      counters: config.counters,
    })
    const models = createModels(ports, metrics, config.tenants)
    const cache = createEmbeddingCache(ports, metrics, {
      entriesMax: config.embeddingCacheEntries,
      bytesPerEntry: config.embeddingBytes,
    })
    const startedAtMs = ports.clock.nowMs()
    const routes: Route[] = [
      ...createInference(ports, config, metrics, models, cache, usage),
      {
        route: 'GET /health',
        handle: async () => ({
          status: 200,
          body: { status: 'ok', uptimeS: Math.floor((ports.clock.nowMs() - startedAtMs) / 1000) },
          bodyBytes: 32,
        }),
      },
    ]
    exposeFromTheStart(metrics, config)

    return {
      routes,
      server: createHttpServer(ports, routes, {
        workers: config.server.workers,
        queue: config.server.queue,
        queueTimeoutMs: config.server.queueTimeout,
        sampling: config.sampling,
        unbounded: ['GET /health'],
        observer: countRequests(metrics),
      }),
      loops: [
        createEmbeddingRefresh(ports, config, metrics, cache),
        ...createTraining(ports, config, metrics, models, usage),
      ],
      beforeScrape() {
        models.expose()
        cache.expose()
        usage.expose()
      },
    }
  },
})

function countRequests(metrics: MlEngineMetrics): HttpObserver {
  return {
    started() {},
    finished({ context, endpoint, status, error }) {
      if (endpoint !== '/health') metrics.requests.inc({ endpoint, tenant_id: context.tenantId })
      if (error && status >= 500) metrics.errors.inc({ error_type: errorTypeOf(error) })
    },
  }
}

function errorTypeOf(error: Error): string {
  if (error instanceof HttpError) return error.code
  if (error instanceof DependencyError) return error.kind === 'timeout' ? 'timeout' : `${error.dependency}_unavailable`
  return error.name
}

/** Counters that start at 0 let `increase()` see the first failure; a service may be told to leave them unborn. */
function exposeFromTheStart(metrics: MlEngineMetrics, config: MlEngineConfig): void {
  metrics.cacheUpdated.set(0)
  if (config.counters === 'lazy') return
  metrics.cacheHits.inc(0)
  metrics.cacheMisses.inc(0)
  for (const error_type of errorTypes) metrics.errors.inc({ error_type }, 0)
  for (const tenant of config.tenants) {
    for (const reason of trainingFailureReasons) metrics.jobsFailed.inc({ tenant_id: tenant.id, reason }, 0)
  }
}
