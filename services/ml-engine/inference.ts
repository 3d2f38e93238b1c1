/** What the ML engine answers: embeddings, nearest neighbours, recommendation lists. */
import type { Route } from '../runtime/define-service.ts'
import { HttpError } from '../runtime/http-server.ts'
import type { LatencyProfile, Ports, RequestContext, ServiceRequest } from '../runtime/ports.ts'
import { latencyAt } from '../runtime/rng.ts'
import { MLTracer } from '../runtime/telemetry/operation-tracers.ts'
import { runInSpan } from '../runtime/telemetry/tracing.ts'
import type { TenantUsage } from '../runtime/tenant-usage.ts'
import type { MlEngineConfig } from './config.ts'
import type { EmbeddingCache } from './embedding-cache.ts'
import type { MlEngineMetrics } from './metrics.ts'
import { type Models, modelName } from './models.ts'

const indexType = 'ivf_flat'
const longestList = 100

interface RecommendBody {
  readonly tenantId: string
  readonly userId: string
  readonly k: number
}

export function createInference(
  ports: Ports,
  config: MlEngineConfig,
  metrics: MlEngineMetrics,
  models: Models,
  cache: EmbeddingCache,
  usage: TenantUsage,
): Route[] {
  const { clock, tracer } = ports
  const inferences = new MLTracer(tracer)
  const dice = ports.rng.fork('inference/times')
  const itemsOf = new Map(config.tenants.map((tenant) => [tenant.id, tenant.items]))

  /** Works for a tenant for a time drawn from the profile: partly on the processor, partly waiting. @returns seconds it took */
  async function work(tenantId: string, profile: LatencyProfile, factor = 1): Promise<number> {
    const startMs = clock.nowMs()
    const ms = latencyAt(profile, dice.next()) * factor
    await ports.cpu.work(ms * config.cpuShare)
    usage.compute(tenantId, ms * config.cpuShare)
    if (config.cpuShare < 1) await clock.sleep(ms * (1 - config.cpuShare))
    return Math.round((clock.nowMs() - startMs) * 1000) / 1e6
  }

  function embeddingOf(tenantId: string, userId: string, context: RequestContext): Promise<void> {
    const span = tracer.startChild('get_user_embedding', context.span)
    return runInSpan(span, async () => {
      const key = `${tenantId}/${userId}`
      const hit = cache.lookUp(key)
      span?.setAttribute('cache.hit', hit)
      if (hit) return
      const statement = 'SELECT features FROM user_features WHERE tenant_id = $1 AND user_id = $2'
      await ports.database.query({ type: 'select', table: 'user_features', statement, rows: 1 }, { span })
      metrics.embeddingDuration.observe({ model_name: modelName }, await work(tenantId, config.embedding))
      cache.put(key)
    })
  }

  function search(tenantId: string, k: number, context: RequestContext): Promise<void> {
    const span = tracer.startChild('ann_search', context.span, { attributes: { top_k: k, index_type: indexType } })
    return runInSpan(span, async () => {
      metrics.searchDuration.observe({ index_type: indexType }, await work(tenantId, config.search))
    })
  }

  function infer(operation: string, tenantId: string, factor: number, context: RequestContext): Promise<void> {
    const model = { name: modelName, version: `v${models.versionOf(tenantId)}` }
    const span = inferences.startInference(model, context.span)
    return runInSpan(span, async () => {
      metrics.inferenceDuration.observe(
        { model_type: modelName, operation },
        await work(tenantId, config.inference, factor),
      )
    })
  }

  /** How many items are asked for; 1 where it does not matter. @throws HttpError 400 */
  function readBody(request: ServiceRequest): RecommendBody {
    const body = request.body as RecommendBody | undefined
    const items = body && itemsOf.get(body.tenantId)
    if (!body || items === undefined) throw new HttpError(400, 'unknown_tenant', 'the body names no known tenant')
    if (!(body.k >= 1 && body.k <= longestList)) {
      throw new HttpError(400, 'invalid_k', `k must be between 1 and ${longestList}`)
    }
    return { ...body, k: Math.min(body.k, items) }
  }

  return [
    {
      route: 'POST /embed',
      async handle(request, context) {
        const { tenantId, userId } = readBody(request)
        await embeddingOf(tenantId, userId, context)
        return { status: 200, body: { dimensions: 128 }, bodyBytes: 1_100 }
      },
    },
    {
      route: 'POST /search',
      async handle(request, context) {
        const { tenantId, userId, k } = readBody(request)
        await embeddingOf(tenantId, userId, context)
        await search(tenantId, k, context)
        return { status: 200, body: { items: k }, bodyBytes: 40 + k * 24 }
      },
    },
    {
      route: 'POST /recommend',
      async handle(request, context) {
        const { tenantId, userId, k } = readBody(request)
        await embeddingOf(tenantId, userId, context)
        await search(tenantId, k * 5, context)
        await infer('rank', tenantId, 1, context)
        const body = { items: k, algorithm: 'personalised', modelVersion: `v${models.versionOf(tenantId)}` }
        return { status: 200, body, bodyBytes: 80 + k * 48 }
      },
    },
  ]
}
