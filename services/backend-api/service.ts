/**
 * The backend API: recommendations, interactions, items, usage, token, health. Per request: rate limit, authentication,
 * cache, ML engine with time-out and fallback, database, answer.
 */
import { defineService, type Route, type RouteHandler } from '../runtime/define-service.ts'
import { createHttpServer, type HttpExchange, type HttpObserver } from '../runtime/http-server.ts'
import {
  type Clock,
  DependencyError,
  type RequestContext,
  type ServiceRequest,
  type ServiceResponse,
} from '../runtime/ports.ts'
import { rememberExemplar } from '../runtime/telemetry/exemplars.ts'
import { createTenantUsage } from '../runtime/tenant-usage.ts'
import { type Claim, createAuthenticate } from './authenticate.ts'
import type { BackendApiConfig } from './config.ts'
import { createDependencies } from './dependencies.ts'
import { createInteractions } from './interactions.ts'
import { type BackendApiMetrics, cacheTypes, registerBackendApiMetrics } from './metrics.ts'
import { createMissStormWatch } from './miss-storm.ts'
import { createRateLimit } from './rate-limit.ts'
import { createRecommendations } from './recommendations.ts'

export const backendApi = defineService<BackendApiConfig>({
  name: 'backend-api',
  port: 8000,
  create(ports, config) {
    const metrics = registerBackendApiMetrics(ports.registry)
    const usageOf = createTenantUsage(ports.registry, config.tenants, config.prices, {
      charged: ['compute', 'requests'],
      counters: config.counters,
    })
    const missStorm = createMissStormWatch(ports)
    const dependencies = createDependencies(ports, metrics, missStorm.lookup)
    const rateLimit = createRateLimit(ports, metrics, config.tenants)
    const authenticate = createAuthenticate(ports, config, dependencies)
    const recommendations = createRecommendations(ports, config, metrics, dependencies)
    const interactions = createInteractions(ports, metrics, dependencies)
    const startedAtMs = ports.clock.nowMs()

    /** Processor time that the tenant is charged for. */
    const work = async (ms: number, { tenant }: Claim): Promise<void> => {
      await ports.cpu.work(ms)
      usageOf.compute(tenant.id, ms)
    }

    type TenantHandler = (request: ServiceRequest, claim: Claim, context: RequestContext) => Promise<ServiceResponse>

    /** A route that only known tenants may use. */
    const forTenants = (route: string, handle: TenantHandler): Route => {
      const endpoint = route.slice(route.indexOf(' ') + 1)
      return {
        route,
        async handle(request, context) {
          const claim = authenticate.claim(request)
          context.tenantId = claim.tenant.id
          context.userId = claim.userId
          rateLimit.admit(claim.tenant.id, endpoint, context)
          await authenticate.prove(claim, context)
          metrics.apiRequests.inc({ tenant_id: claim.tenant.id, endpoint })
          usageOf.request(claim.tenant.id)
          await work(config.cpuPerRequest, claim)
          return handle(request, claim, context)
        },
      }
    }

    /** What the ML engine adds to an answer that is complete without it; its failure is no error here. */
    const enrich = async (route: string, claim: Claim, k: number, context: RequestContext): Promise<void> => {
      try {
        const body = { tenantId: claim.tenant.id, userId: claim.userId, k }
        await dependencies.callMlEngine({ route, body, bodyBytes: 160, timeoutMs: config.mlTimeout }, context)
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
      }
    }

    const item: TenantHandler = async (request, claim, context) => {
      const key = `${claim.tenant.id}/${request.params.id}`
      if ((await dependencies.cached('items', key, context)) === undefined) {
        await dependencies.query(
          {
            type: 'select',
            table: 'items',
            statement: 'SELECT * FROM items WHERE tenant_id = $1 AND id = $2',
            rows: 1,
          },
          context,
        )
        // Similar items are kept with the item.
        await enrich('POST /search', claim, 10, context)
        await dependencies.keep('items', key, true, { bytes: config.itemBytes, ttlMs: config.itemTtl }, context)
      }
      return { status: 200, body: { id: request.params.id }, bodyBytes: config.itemBytes }
    }

    const usage: TenantHandler = async (_request, claim, context) => {
      await dependencies.query(
        {
          type: 'select',
          table: 'usage_daily',
          statement: 'SELECT day, requests, recommendations FROM usage_daily WHERE tenant_id = $1 AND day > $2',
          rows: 31,
          weight: 3,
        },
        context,
      )
      return { status: 200, body: { tenant: claim.tenant.id, days: 31 }, bodyBytes: 2_400 }
    }

    const token: RouteHandler = async (request, context) => {
      const claim = authenticate.claim(request)
      context.tenantId = claim.tenant.id
      context.userId = claim.userId
      rateLimit.admit(claim.tenant.id, '/token', context)
      await dependencies.query(
        {
          type: 'select',
          table: 'credentials',
          statement: 'SELECT hash FROM credentials WHERE tenant_id = $1 AND id = $2',
          rows: 1,
        },
        context,
      )
      // Hashing a password is meant to be slow.
      await work(config.cpuPerRequest * 4, claim)
      metrics.apiRequests.inc({ tenant_id: claim.tenant.id, endpoint: '/token' })
      usageOf.request(claim.tenant.id)
      const key = `${claim.tenant.id}/${claim.userId}`
      await dependencies.keep('sessions', key, true, { bytes: 180, ttlMs: config.sessionTtl }, context)
      await dependencies.query(
        { type: 'update', table: 'users', statement: 'UPDATE users SET last_login = now() WHERE id = $1', rows: 1 },
        context,
      )
      // Whoever signs in will ask for recommendations next: the embedding may be made ready.
      await enrich('POST /embed', claim, 1, context)
      return { status: 200, body: { token: '...' }, bodyBytes: 420 }
    }

    const routes: Route[] = [
      forTenants('GET /recommendations', (_request, claim, context) => recommendations.recommend(claim, context)),
      forTenants('POST /interactions', (request, claim, context) => interactions.accept(request, claim, context)),
      forTenants('GET /items/{id}', item),
      forTenants('GET /usage', usage),
      { route: 'POST /token', handle: token },
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
    const evictionsSeen = new Map<string, number>()

    return {
      routes,
      server: createHttpServer(ports, routes, {
        workers: config.server.workers,
        queue: config.server.queue,
        queueTimeoutMs: config.server.queueTimeout,
        sampling: config.sampling,
        unbounded: ['GET /health'],
        observer: countRequests(metrics, ports.clock),
      }),
      loops: [missStorm.loop],
      beforeScrape() {
        rateLimit.exposeQuota()
        recommendations.exposeQuality()
        interactions.exposeQuality()
        usageOf.expose()
        metrics.poolSize.set({ pool_name: ports.database.poolName }, ports.database.poolSize)
        for (const type of cacheTypes) {
          const usageOfType = dependencies.cacheUsage(type)
          metrics.cacheSize.set({ cache_type: type }, usageOfType.bytes)
          for (const [reason, total] of Object.entries(usageOfType.evictions)) {
            const key = `${type}/${reason}`
            // The cache server counts; after its restart it counts from 0 again.
            const seen = evictionsSeen.get(key) ?? 0
            metrics.cacheEvictions.inc({ cache_type: type, reason }, total >= seen ? total - seen : total)
            evictionsSeen.set(key, total)
          }
        }
      },
    }
  },
})

function countRequests(metrics: BackendApiMetrics, clock: Clock): HttpObserver {
  return {
    started(request, method, endpoint) {
      metrics.requestsInProgress.inc({ method, endpoint })
      metrics.requestSize.observe({ method, endpoint }, request.bodyBytes)
    },
    finished({ context, method, endpoint, status, responseBytes, durationS }: HttpExchange) {
      metrics.requestsInProgress.dec({ method, endpoint })
      metrics.requests.inc({ method, endpoint, status: String(status), tenant_id: context.tenantId })
      metrics.requestDuration.observe({ method, endpoint }, durationS)
      if (context.span) {
        rememberExemplar(metrics.requestDuration, { method, endpoint }, durationS, context.span, clock.nowMs())
      }
      metrics.responseSize.observe({ method, endpoint }, responseBytes)
    },
  }
}

/** Counters that start at 0 let `increase()` see the first failure; a service may be told to leave them unborn. */
function exposeFromTheStart(metrics: BackendApiMetrics, config: BackendApiConfig): void {
  for (const tenant of config.tenants) {
    metrics.tenantStatus.set({ tenant_id: tenant.id, status: tenant.status }, 1)
  }
  if (config.counters === 'lazy') return
  for (const cache_type of cacheTypes) {
    metrics.cacheHits.inc({ cache_type }, 0)
    metrics.cacheMisses.inc({ cache_type }, 0)
  }
  for (const tenant of config.tenants) {
    for (const endpoint of ['/recommendations', '/interactions', '/items/{id}', '/usage', '/token']) {
      metrics.rateLimited.inc({ tenant_id: tenant.id, endpoint }, 0)
    }
  }
}
