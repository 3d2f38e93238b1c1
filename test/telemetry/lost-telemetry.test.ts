/** A collector that is away, slow or full never slows a service; what was lost is counted. Wrong settings are named at once. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { BatchSender, type SendResult } from '../../services/runtime/live/batch-sender.ts'
import { readSettings } from '../../services/runtime/live/settings.ts'
import { EnvironmentError, readTelemetryEnvironment } from '../../services/runtime/live/telemetry-environment.ts'
import { createSinks } from '../../services/runtime/live/telemetry-sinks.ts'
import { createRng } from '../../services/runtime/rng.ts'
import { createLogging } from '../../services/runtime/telemetry/logging.ts'
import { lostText } from '../../services/runtime/telemetry/telemetry-metrics.ts'
import { createTracer } from '../../services/runtime/telemetry/tracing.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

describe('a sender', () => {
  const options = { batchMax: 2, waitingMax: 4, everyMs: 5, pauseMs: 5 }
  const until = async (done: () => boolean) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  test('delivers in order, one batch at a time, again after a failure', async () => {
    const received: number[] = []
    let failures = 2
    let under = 0
    const sender = new BatchSender<number>({
      ...options,
      async send(batch) {
        under += 1
        expect(under).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 1))
        under -= 1
        if (failures-- > 0) throw new Error('away')
        received.push(...batch)
        return 'delivered'
      },
    })
    for (const n of [1, 2, 3]) sender.add(n)
    await until(() => sender.delivered === 3)
    expect(received).toEqual([1, 2, 3])
    expect(sender.lost).toEqual({ 'buffer-full': 0, refused: 0, 'not-delivered': 0 })
  })

  test.each<[string, () => Promise<SendResult>, object]>([
    ['is away', async () => 'again', { 'buffer-full': 6, refused: 0, 'not-delivered': 4 }],
    ['never answers', () => new Promise(() => {}), { 'buffer-full': 6, refused: 0, 'not-delivered': 4 }],
    ['refuses', async () => 'refused', { 'buffer-full': 6, refused: 4, 'not-delivered': 0 }],
  ])('whose receiver %s loses what does not fit, and counts all of it', async (_, send, lost) => {
    const sender = new BatchSender<number>({ ...options, send })
    for (let n = 0; n < 10; n += 1) sender.add(n)
    await sender.close(50)
    expect(sender.lost).toEqual(lost)
    expect(sender.delivered + Object.values(sender.lost).reduce((a, b) => a + b)).toBe(10)
  })
})

test('with Loki and a collector that accept connections and never answer, logging and tracing go on at once', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const settings = {
    lokiUrl: url,
    tracesUrl: url,
    tracesExporter: 'otlp',
    spansFolder: undefined,
    environment: 'test',
  } as const
  const sinks = await createSinks('checkout', settings, { write() {}, lost: 0 })
  const clock = { nowMs: () => 1_000_000 }
  const log = createLogging({ service: 'checkout', clock, write: sinks.log }).getLogger()
  const tracer = createTracer({ service: 'checkout', clock, rng: createRng(1), onEnd: sinks.span })
  let turns = 0
  const turning = setInterval(() => {
    turns += 1
  }, 1)
  ends.push(() => clearInterval(turning))
  for (let i = 0; i < 25_000; i += 1) {
    log.info('e', 'm')
    tracer.startRoot('job').end()
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(turns).toBeGreaterThan(20)
  await sinks.close(100)
  expect(lostText(sinks.facts())).toEqual([
    '25000 log lines could not be delivered (5000 buffer-full, 20000 not-delivered)',
    '25000 spans could not be delivered (5000 buffer-full, 20000 not-delivered)',
  ])
}, 30_000)

test('while nobody reads its stdout a process goes on, and counts the lines that found no room', async () => {
  const program = `
    import { createLineWriter } from './services/runtime/live/line-writer.ts'
    const writer = createLineWriter(1, 1_000_000)
    const line = 'x'.repeat(999) + '\\n'
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
      for (let i = 0; i < 100; i += 1) writer.write(line)
      if (turns < 50) return
      clearInterval(timer)
      process.send({ turns, lost: writer.lost })
      process.exit(0)
    }, 2)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  ends.push(() => child.kill('SIGKILL'))
  child.stdout!.pause()
  const said = await new Promise<{ turns: number; lost: number }>((resolve) =>
    child.once('message', (message) => resolve(message as { turns: number; lost: number })),
  )
  expect(said.turns).toBe(50)
  // 5,000 lines of 1,000 bytes, about a million bytes of room and what a pipe holds.
  expect(said.lost).toBeGreaterThan(3_500)
})

describe('the environment is read before anything starts', () => {
  test('every problem is named at once, by its variable', () => {
    const wrong = {
      OTEL_SERVICE_NAME: 'Check Out',
      LOG_LEVEL: 'verbose',
      LOG_LEVELS: 'http=warn,training',
      LOKI_URL: 'loki:3100',
      OTEL_TRACES_SAMPLER_ARG: '7',
      METRICS_LABEL_SETS_MAX: 'many',
    }
    expect(() => readTelemetryEnvironment(wrong)).toThrow(EnvironmentError)
    try {
      readTelemetryEnvironment(wrong)
    } catch (error) {
      expect((error as EnvironmentError).problems).toEqual([
        'OTEL_SERVICE_NAME must be lower-case letters, digits and dashes',
        'LOG_LEVEL must be one of debug, info, warn, error',
        'LOG_LEVELS "training" is not <logger>=<level>, for example http=warn,training=debug',
        'LOKI_URL must be a URL, for example http://localhost:4318',
        'OTEL_TRACES_SAMPLER_ARG must be between 0 and 1',
        'METRICS_LABEL_SETS_MAX must be a number',
        'OTEL_EXPORTER_OTLP_ENDPOINT is missing: where spans go, for example http://localhost:4318; OTEL_TRACES_EXPORTER=none sends none',
      ])
    }
  })

  test('a name from the environment replaces that of the code, an empty value counts as none', () => {
    const environment = {
      OTEL_SERVICE_NAME: 'cart',
      OTEL_TRACES_EXPORTER: 'none',
      LOG_LEVELS: 'http=warn',
      LOKI_URL: '',
    }
    expect(readTelemetryEnvironment(environment, 'checkout')).toMatchObject({
      service: 'cart',
      tracesUrl: undefined,
      lokiUrl: undefined,
      logLevels: { http: 'warn' },
      sampling: 1,
    })
  })

  test.each([
    ['jaeger', 'OTEL_EXPORTER_JAEGER_ENDPOINT'],
    ['otlp', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  ])('the exporter %s needs its own endpoint', (exporter, variable) => {
    const environment = { OTEL_TRACES_EXPORTER: exporter }
    expect(() => readTelemetryEnvironment(environment, 'checkout')).toThrow(`${variable} is missing`)
    const url = 'http://localhost:14268/api/traces'
    expect(readTelemetryEnvironment({ ...environment, [variable]: url }, 'checkout').tracesUrl).toBe(url)
  })

  test('a process of the platform names all that can not be meant as well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'firedrill-settings-'))
    ends.push(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'settings.json')
    writeFileSync(file, JSON.stringify({ format: 1, addresses: { 'ml-engine': '127.0.0.1:8001' }, telemetry: {} }))
    const environment = {
      FIREDRILL_ADDRESS_ML_ENGINE: 'ml-engine',
      FIREDRILL_ADDRESS_ML_ENGIN: 'ml-engine:8001',
      FIREDRILL_KAFKA_BROKERS: 'kafka:9092,kafka2',
      OTEL_TRACES_EXPORTER: 'zipkin',
    }
    expect(() => readSettings(file, environment)).toThrow(`the environment is not complete:
  FIREDRILL_ADDRESS_ML_ENGINE must be host:port, not "ml-engine"
  FIREDRILL_ADDRESS_ML_ENGIN names no part of the platform: there are FIREDRILL_ADDRESS_ML_ENGINE
  FIREDRILL_KAFKA_BROKERS must be host:port, or several with commas, not "kafka:9092,kafka2"
  OTEL_TRACES_EXPORTER must be otlp or jaeger, not "zipkin"`)
    expect(readSettings(file, { FIREDRILL_KAFKA_BROKERS: '', FIREDRILL_LOKI_URL: '' }).kafkaBrokers).toBeUndefined()
    expect(() => readSettings(undefined, {})).toThrow('FIREDRILL_SETTINGS is missing')
  })
})
