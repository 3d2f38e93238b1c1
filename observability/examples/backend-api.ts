/**
 * How a web API is instrumented: requests, a cache, a database and a call to another service, all in one trace, with
 * log lines that name it and metrics that count it. Cache and database are stand-ins of a few lines: put your clients there.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 PORT=8000 npx tsx observability/examples/backend-api.ts
 */
import Fastify from 'fastify'
import {
  CacheTracer,
  DatabaseTracer,
  defineCounter,
  injectContext,
  registerMetrics,
  runMain,
  setRequestContext,
  startTelemetry,
  withSpan,
} from 'firedrill/telemetry'

const definitions = {
  served: defineCounter('recommendations_served_total', 'Recommendation lists served', ['tenant_id', 'algorithm']),
} as const

await runMain(async () => {
  const telemetry = await startTelemetry({ service: 'example-backend-api' })
  const metrics = registerMetrics(definitions, telemetry.registry)
  const log = telemetry.getLogger('recommendations')
  const cacheTracer = new CacheTracer(telemetry.tracing)
  const databaseTracer = new DatabaseTracer(telemetry.tracing)

  const app = Fastify()
  await telemetry.instrument(app, { quiet: ['/health'] })

  app.get('/health', async () => ({ status: 'ok' }))

  app.get<{ Params: { userId: string } }>('/recommendations/:userId', async (request) => {
    const { userId } = request.params
    const tenantId = String(request.headers['x-tenant-id'] ?? 'none')
    // From here on every log line of this request says whose it is.
    setRequestContext({ tenantId, userId })
    const cached = await cacheTracer.get(`rec:${userId}`, async () => cache.get(userId))
    if (cached) return cached

    const statement = 'SELECT item_id FROM item_popularity WHERE user_id = $1 LIMIT 20'
    const popular = await databaseTracer.query({ operation: 'select', statement }, () => findPopular(userId))
    const list = (await askMlEngine(userId)) ?? { algorithm: 'popular', items: popular }
    await cacheTracer.operation('set', `rec:${userId}`, async () => cache.set(userId, list))
    metrics.served.inc({ tenant_id: tenantId, algorithm: list.algorithm })
    log.info('list_served', `a list of ${list.items.length} items was served`, { algorithm: list.algorithm })
    return list
  })

  /** @returns undefined when no ML engine is configured, or it does not answer */
  async function askMlEngine(userId: string): Promise<List | undefined> {
    const url = process.env.ML_ENGINE_URL
    if (!url) return undefined
    try {
      return await withSpan('ml_engine_call', async () => {
        const answer = await fetch(`${url}/recommend`, {
          method: 'POST',
          // The trace goes on in the other service.
          headers: injectContext({ 'content-type': 'application/json' }),
          body: JSON.stringify({ userId, k: 20 }),
          signal: AbortSignal.timeout(1_000),
        })
        if (!answer.ok) throw new Error(`the ML engine answered ${answer.status}`)
        return (await answer.json()) as List
      })
    } catch (error) {
      log.warn('fallback_served', `popular items instead of recommendations: ${(error as Error).message}`)
      return undefined
    }
  }

  await app.listen({ port: Number(process.env.PORT ?? 8000), host: process.env.HOST ?? '127.0.0.1' })
  return async () => {
    await app.close()
    return telemetry.close()
  }
})

interface List {
  readonly algorithm: string
  readonly items: readonly string[]
}

const cache = new Map<string, List>()

async function findPopular(userId: string): Promise<string[]> {
  if (userId === 'broken') throw new Error('relation "item_popularity" does not exist')
  return ['i1', 'i2', 'i3']
}
