/** The shipped examples run as a team would run them: what they expose, log and trace is read from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../simulator/live/ports.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { startTelemetryReceiver, type TelemetryReceiver } from '../telemetry/telemetry-receiver.ts'

const examples = ['backend-api', 'ml-engine', 'data-pipeline'] as const
const urls: Record<string, string> = {}
const running = new Map<string, { child: ChildProcess; stdout: string; stderr: string }>()
let receiver: TelemetryReceiver

beforeAll(async () => {
  // The examples import the package by its name, which is what is built.
  await builtCommand()
  receiver = await startTelemetryReceiver()
  const ports = await freePorts('127.0.0.1', examples)
  for (const name of examples) urls[name] = `http://127.0.0.1:${ports[name]}`
  for (const name of examples) start(name, { PORT: String(ports[name]), ML_ENGINE_URL: urls['ml-engine']! })
  for (const name of examples) await eventually(async () => (await fetch(`${urls[name]}/health`)).ok)
}, 120_000)

afterAll(() => {
  for (const { child } of running.values()) child.kill('SIGKILL')
  receiver?.close()
})

function start(name: string, environment: Record<string, string>): void {
  const child = spawn(process.execPath, ['--import', 'tsx', join('observability', 'examples', `${name}.ts`)], {
    cwd: packageRoot(),
    env: { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, LOKI_URL: receiver.url, ...environment },
  })
  const output = { child, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  running.set(name, output)
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    if (await Promise.resolve(holds()).catch(() => false)) return
    if (Date.now() > deadline) throw new Error(`did not come true: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const linesOf = (name: string) =>
  running
    .get(name)!
    .stdout.split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const spansNamed = (name: string) => receiver.spans.filter((span) => span.name === name)
const scrape = async (name: string, accept = 'text/plain') =>
  (await fetch(`${urls[name]}/metrics`, { headers: { accept } })).text()
const post = (name: string, path: string, body: unknown) =>
  fetch(`${urls[name]}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('backend-api', () => {
  test('a request is one trace through both services, one set of log lines, and counted', async () => {
    const headers = { 'x-tenant-id': 'acme', 'x-request-id': 'r1' }
    const answer = await fetch(`${urls['backend-api']}/recommendations/u1`, { headers })
    expect(await answer.json()).toMatchObject({ algorithm: 'personalised' })

    await eventually(
      () => spansNamed('GET /recommendations/{userId}').length > 0 && spansNamed('ml.inference').length > 0,
    )
    const [server] = spansNamed('GET /recommendations/{userId}')
    const trace = receiver.spans.filter(({ traceId }) => traceId === server!.traceId)
    expect(trace.map(({ service, name }) => `${service} ${name}`).sort()).toEqual([
      'example-backend-api GET /recommendations/{userId}',
      'example-backend-api cache.get',
      'example-backend-api cache.set',
      'example-backend-api db.select',
      'example-backend-api ml_engine_call',
      'example-ml-engine POST /recommend',
      'example-ml-engine ml.inference',
    ])
    const parentOf = (name: string) =>
      trace.find(({ spanId }) => spanId === trace.find((span) => span.name === name)!.parentSpanId)
    expect(parentOf('db.select')!.name).toBe('GET /recommendations/{userId}')
    expect(parentOf('POST /recommend')!.name).toBe('ml_engine_call')
    expect(parentOf('ml.inference')!.name).toBe('POST /recommend')

    const own = linesOf('backend-api').filter(({ request_id }) => request_id === 'r1')
    expect(own.map(({ event }) => event)).toEqual(['request_started', 'list_served', 'request_completed'])
    expect(own[1]).toMatchObject({ tenant_id: 'acme', user_id: 'u1', trace_id: server!.traceId })
    expect(linesOf('ml-engine').some(({ request_id }) => request_id === 'r1')).toBe(true)
    await eventually(() => receiver.lines.some(({ line }) => line.event === 'list_served'))
    expect(receiver.lines.find(({ line }) => line.event === 'list_served')!.labels).toEqual({
      service: 'example-backend-api',
      env: 'dev',
      level: 'info',
    })

    const text = await scrape('backend-api')
    expect(text).toContain(
      'http_requests_total{method="GET",endpoint="/recommendations/{userId}",status="200",tenant_id="acme"} 1',
    )
    expect(text).toContain('recommendations_served_total{tenant_id="acme",algorithm="personalised"} 1')
    expect(text).toMatch(/^telemetry_records_total\{signal="spans"\} [1-9]/m)
    expect(text).not.toMatch(/^telemetry_lost_total\{.*\} [1-9]/m)
    expect(await scrape('backend-api', 'application/openmetrics-text')).toContain(`# {trace_id="${server!.traceId}"`)
  })

  test('a failure is a 500 with its stack in the log and an error in the trace', async () => {
    const headers = { 'x-request-id': 'r2' }
    expect((await fetch(`${urls['backend-api']}/recommendations/broken`, { headers })).status).toBe(500)
    await eventually(() => linesOf('backend-api').some(({ event }) => event === 'request_failed'))
    const failed = linesOf('backend-api').find(({ event }) => event === 'request_failed')!
    expect(failed).toMatchObject({ level: 'ERROR', request_id: 'r2', status: 500 })
    const { stacktrace } = failed.exception as { stacktrace: string }
    expect(stacktrace).toContain('item_popularity')
    expect(stacktrace).toContain('observability/examples/backend-api.ts')
    const spans = () => receiver.spans.filter(({ traceId }) => traceId === failed.trace_id)
    await eventually(() => spans().length >= 3)
    expect(
      spans()
        .flatMap(({ name, failed: error }) => (error ? name : []))
        .sort(),
    ).toEqual(['GET /recommendations/{userId}', 'db.select'])
  })

  test('what nobody serves is one series', async () => {
    for (const path of ['/a', '/b', '/c']) await fetch(urls['backend-api'] + path)
    const text = await scrape('backend-api')
    expect(text).toContain('endpoint="{unknown}",status="404",tenant_id="none"} 3')
  })
})

describe('ml-engine', () => {
  test('a training is a span over its stages and a version; one that fails is counted with its reason', async () => {
    expect(await (await post('ml-engine', '/train', { tenantId: 'acme', rows: 100 })).json()).toEqual({ version: 2 })
    expect((await post('ml-engine', '/train', { tenantId: 'acme', rows: 0 })).status).toBe(422)
    const text = await scrape('ml-engine')
    expect(text).toContain('model_version_deployed{tenant_id="acme",model_name="two_tower"} 2')
    expect(text).toContain('training_job_failures_total{tenant_id="acme",reason="data"} 1')
    await eventually(() => spansNamed('ml.training').length === 2 && spansNamed('data_loading').length === 2)
    const [good, bad] = spansNamed('ml.training')
    expect([good!.failed, bad!.failed]).toEqual([false, true])
    expect(good!.attributes).toMatchObject({ 'ml.model.name': 'two_tower', 'ml.dataset.size': '100' })
    const stages = receiver.spans.filter(({ parentSpanId }) => parentSpanId === good!.spanId)
    expect(stages.map(({ name }) => name)).toEqual([
      'data_loading',
      'feature_engineering',
      'model_training',
      'model_evaluation',
    ])
    const operations = linesOf('ml-engine').filter(({ operation }) => operation === 'training')
    expect(operations.map(({ success }) => success)).toEqual([true, false])
  })
})

describe('data-pipeline', () => {
  test('a consumed message is linked to the span that produced it, a bad one is rejected and counted', async () => {
    await post('data-pipeline', '/messages', { values: ['{"item":"i1"}', 'no json'] })
    await eventually(() => spansNamed('kafka.consume').length === 2 && spansNamed('kafka.produce').length === 2)
    const produced = spansNamed('kafka.produce').map(({ spanId }) => spanId)
    expect(spansNamed('kafka.consume').flatMap(({ links }) => links)).toEqual(produced)
    expect(spansNamed('kafka.consume').map(({ failed }) => failed)).toEqual([false, true])
    const text = await scrape('data-pipeline')
    expect(text).toContain('kafka_messages_consumed_total{topic="interactions",consumer_group="example"} 2')
    expect(text).toContain('kafka_processing_errors_total{topic="interactions",error_type="deserialization"} 1')
    expect(linesOf('data-pipeline').map(({ event }) => event)).toContain('message_rejected')
  })

  test('a job is a span over its steps, with its time in the log', async () => {
    await post('data-pipeline', '/etl', {})
    await eventually(() => spansNamed('etl.daily').length === 1)
    const steps = receiver.spans.filter(({ parentSpanId }) => parentSpanId === spansNamed('etl.daily')[0]!.spanId)
    expect(steps.map(({ name }) => name)).toEqual(['extract', 'transform', 'load'])
    expect(linesOf('data-pipeline').find(({ operation }) => operation === 'etl')).toMatchObject({ success: true })
  })
})

describe('a process', () => {
  test('ends in order at SIGTERM, with nothing lost', async () => {
    const { child, stderr } = running.get('data-pipeline')!
    const code = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    expect(await code).toBe(0)
    expect(stderr).toBe('')
  })

  test('that is told nothing of where its spans go does not start, and says what to set', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'observability/examples/ml-engine.ts'], {
      cwd: packageRoot(),
      env: { PATH: process.env.PATH, LOG_LEVEL: 'loud' },
    })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
    expect(stderr).toBe(
      `the environment is not complete:
  LOG_LEVEL must be one of debug, info, warn, error
  OTEL_EXPORTER_OTLP_ENDPOINT is missing: where spans go, for example http://localhost:4318; OTEL_TRACES_EXPORTER=none sends none
`,
    )
  })
})
