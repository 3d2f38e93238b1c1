/**
 * How a model server is instrumented: inference and training as spans with the model's name and version, their times as
 * histograms, and a training's outcome as log lines. The model is a stand-in: put yours there.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 PORT=8001 npx tsx observability/examples/ml-engine.ts
 */
import Fastify from 'fastify'
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  fastLatencyBuckets,
  logPerformance,
  MLTracer,
  registerMetrics,
  runMain,
  startTelemetry,
} from 'firedrill/telemetry'

const definitions = {
  inferenceDuration: defineHistogram(
    'ml_model_inference_duration_seconds',
    'Time of one model inference',
    ['model_type', 'operation'],
    fastLatencyBuckets,
  ),
  trainingFailures: defineCounter('training_job_failures_total', 'Training jobs that failed', ['tenant_id', 'reason']),
  deployed: defineGauge('model_version_deployed', 'Version number of the deployed model', ['tenant_id', 'model_name']),
} as const

const model = 'two_tower'

await runMain(async () => {
  const telemetry = await startTelemetry({ service: 'example-ml-engine' })
  const metrics = registerMetrics(definitions, telemetry.registry)
  // A counter that starts at 0 lets increase() see the first failure.
  metrics.trainingFailures.inc({ tenant_id: 'none', reason: 'data' }, 0)
  const log = telemetry.getLogger('training')
  const tracer = new MLTracer(telemetry.tracing)
  const { clock } = telemetry
  let version = 1

  const app = Fastify()
  await telemetry.instrument(app, { quiet: ['/health'] })

  app.get('/health', async () => ({ status: 'ok' }))

  app.post<{ Body: { userId: string; k: number } }>('/recommend', async (request) => {
    const { userId, k } = request.body
    const startMs = clock.nowMs()
    const items = tracer.inference({ name: model, version: `v${version}` }, () => rank(userId, k))
    metrics.inferenceDuration.observe({ model_type: model, operation: 'rank' }, (clock.nowMs() - startMs) / 1000)
    return { algorithm: 'personalised', items }
  })

  app.post<{ Body: { tenantId: string; rows: number } }>('/train', async (request, reply) => {
    const { tenantId, rows } = request.body
    const fields = { tenant_id: tenantId, dataset_size: rows }
    log.info('training_started', `training of ${tenantId} started`, fields)
    try {
      await logPerformance('training', () =>
        tracer.training({ model, datasetSize: rows, tenantId }, async () => {
          await tracer.stage('data_loading', async () => {
            if (rows === 0) throw new Error('the data set is empty')
          })
          await tracer.stage('feature_engineering', async () => {})
          await tracer.stage('model_training', async () => {})
          await tracer.stage('model_evaluation', async () => {})
        }),
      )
    } catch (error) {
      metrics.trainingFailures.inc({ tenant_id: tenantId, reason: 'data' })
      log.error('training_failed', `training of ${tenantId} failed`, fields, undefined, error as Error)
      return reply.code(422).send({ error: 'training_failed' })
    }
    version += 1
    metrics.deployed.set({ tenant_id: tenantId, model_name: model }, version)
    log.info('training_completed', `version ${version} of ${tenantId} deployed`, fields)
    return { version }
  })

  await app.listen({ port: Number(process.env.PORT ?? 8001), host: process.env.HOST ?? '127.0.0.1' })
  return async () => {
    await app.close()
    return telemetry.close()
  }
})

function rank(userId: string, k: number): string[] {
  return Array.from({ length: k }, (_, i) => `${userId}-i${i}`)
}
