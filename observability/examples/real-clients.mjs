/**
 * How real clients are traced: OpenTelemetry's own instrumentations of http, pg, redis and kafkajs, below the telemetry of
 * this package. `startTelemetry` registers its provider and context, so they need nothing but to be enabled, before the
 * clients are loaded. Which of the servers are asked is told by the environment.
 *
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 DATABASE_URL=postgres://... REDIS_URL=redis://localhost:6379 \
 *       KAFKA_BROKERS=localhost:9092 node observability/examples/real-clients.mjs
 */
import { createRequire } from 'node:module'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { RedisInstrumentation } from '@opentelemetry/instrumentation-redis'
import { runMain, startTelemetry, withSpan } from 'firedrill/telemetry'

await runMain(async () => {
  const telemetry = await startTelemetry({ service: 'example-real-clients' })
  for (const instrumentation of [
    // Only calls inside of a span of ours: what the exporters send is none of the service's work.
    new HttpInstrumentation({ requireParentforOutgoingSpans: true, disableIncomingRequestInstrumentation: true }),
    new PgInstrumentation({ requireParentSpan: true }),
    new RedisInstrumentation({ requireParentSpan: true }),
    new KafkaJsInstrumentation(),
  ]) {
    instrumentation.setTracerProvider(telemetry.tracing.provider)
    instrumentation.enable()
  }
  // Instrumentations change a module when it is required, so clients are required after them.
  const require = createRequire(import.meta.url)
  const log = telemetry.getLogger('clients')
  const { DATABASE_URL, REDIS_URL, KAFKA_BROKERS, HTTP_URL } = process.env

  await withSpan('use_real_clients', async () => {
    if (HTTP_URL) await get(require('node:http'), HTTP_URL)
    if (DATABASE_URL) await query(require('pg'), DATABASE_URL)
    if (REDIS_URL) await setAndGet(require('redis'), REDIS_URL)
    if (KAFKA_BROKERS) await publish(require('kafkajs'), KAFKA_BROKERS.split(','))
    log.info('clients_used', 'all configured servers were asked')
  })
  // Nothing keeps this process alive from here on: what is buffered is sent before it ends.
  for (const line of await telemetry.close()) process.stderr.write(`${line}\n`)
  return async () => []
})

function get(http, url) {
  return new Promise((resolve, reject) => {
    http.get(url, (answer) => answer.resume().once('end', resolve)).once('error', reject)
  })
}

async function query({ Client }, connectionString) {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query('SELECT $1::int AS answer', [42])
  await client.end()
}

async function setAndGet({ createClient }, url) {
  const client = await createClient({ url }).connect()
  await client.set('greeting', 'hello')
  await client.get('greeting')
  await client.close()
}

async function publish({ Kafka, logLevel }, brokers) {
  const producer = new Kafka({ clientId: 'example', brokers, logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic: 'example', messages: [{ value: 'hello' }] })
  await producer.disconnect()
}
