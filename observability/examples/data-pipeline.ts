/**
 * How a pipeline is instrumented: each message is consumed in a span that is linked to its producer's, a job is a span over
 * its steps, and what can't be processed is counted by its reason. The queue is a stand-in of an array: put your consumer
 * there; `headers` are those of a Kafka message.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 PORT=8002 npx tsx observability/examples/data-pipeline.ts
 */
import Fastify from 'fastify'
import {
  defineCounter,
  defineGauge,
  extractContext,
  injectContext,
  logPerformance,
  registerMetrics,
  runMain,
  runWithRequestContext,
  SpanKind,
  startTelemetry,
  traceFunction,
  withSpan,
} from 'firedrill/telemetry'

const definitions = {
  consumed: defineCounter('kafka_messages_consumed_total', 'Messages read and committed', ['topic', 'consumer_group']),
  errors: defineCounter('kafka_processing_errors_total', 'Messages that could not be processed', [
    'topic',
    'error_type',
  ]),
  lag: defineGauge('kafka_consumer_lag', 'Messages not yet read', ['topic', 'partition', 'consumer_group']),
} as const

const topic = 'interactions'
const group = 'example'

interface Message {
  readonly headers: Readonly<Record<string, string | Uint8Array>>
  readonly value: string
}

await runMain(async () => {
  const telemetry = await startTelemetry({ service: 'example-data-pipeline' })
  const metrics = registerMetrics(definitions, telemetry.registry)
  const log = telemetry.getLogger('consumer')
  const queue: Message[] = []

  const store = traceFunction('store', async (event: { item: string }) => event.item, {
    attributes: (event) => ({ item: event.item }),
  })

  async function consume(message: Message): Promise<void> {
    const { traceparent, tenantId = 'none', requestId } = extractContext(message.headers)
    const span = {
      kind: SpanKind.CONSUMER,
      links: traceparent ? [traceparent] : [],
      attributes: { 'messaging.system': 'kafka', 'messaging.destination.name': topic, 'tenant.id': tenantId },
    }
    await runWithRequestContext({ tenantId, ...(requestId && { requestId }) }, () =>
      withSpan('kafka.consume', async () => store(JSON.parse(message.value) as { item: string }), span),
    )
  }

  async function drain(): Promise<void> {
    for (let message = queue.shift(); message; message = queue.shift()) {
      try {
        await consume(message)
      } catch (error) {
        metrics.errors.inc({ topic, error_type: 'deserialization' })
        log.warn('message_rejected', `a message of ${topic} was rejected`, { reason: (error as Error).message })
      }
      metrics.consumed.inc({ topic, consumer_group: group })
    }
    metrics.lag.set({ topic, partition: '0', consumer_group: group }, queue.length)
  }

  const app = Fastify()
  await telemetry.instrument(app, { quiet: ['/health'] })

  app.get('/health', async () => ({ status: 'ok' }))

  /** Stands for a producer elsewhere. */
  app.post<{ Body: { values: readonly string[] } }>('/messages', async (request, reply) => {
    for (const value of request.body.values) {
      const headers = withSpan('kafka.produce', () => injectContext({}), { kind: SpanKind.PRODUCER })
      queue.push({ headers, value })
    }
    return reply.code(202).send({ accepted: request.body.values.length })
  })

  app.post('/etl', async () => {
    await logPerformance('etl', () =>
      withSpan('etl.daily', async () => {
        for (const step of ['extract', 'transform', 'load']) await withSpan(step, async () => {})
      }),
    )
    return { status: 'done' }
  })

  const timer = setInterval(() => void drain(), 50)
  await app.listen({ port: Number(process.env.PORT ?? 8002), host: process.env.HOST ?? '127.0.0.1' })
  return async () => {
    clearInterval(timer)
    await app.close()
    await drain()
    return telemetry.close()
  }
})
