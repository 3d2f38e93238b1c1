/** docs/add-a-service.md, followed in an empty folder: the service appears in metrics, logs and traces. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readTelemetryEnvironment } from '../../services/runtime/live/telemetry-environment.ts'
import { parseSamples } from '../../simulator/live/exposition-reader.ts'
import { freePorts } from '../../simulator/live/ports.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { startTelemetryReceiver, type TelemetryReceiver } from '../telemetry/telemetry-receiver.ts'
import { blocks, commandsOf, readPage } from './documentation.ts'

const page = 'docs/add-a-service.md'
const own = blocks().filter(({ place }) => place.startsWith(page))
const folder = mkdtempSync(join(tmpdir(), 'firedrill-service-'))
let receiver: TelemetryReceiver
let service: ChildProcess
let stdout = ''
let url = ''

beforeAll(async () => {
  await builtCommand()
  receiver = await startTelemetryReceiver()
  // What `npm install firedrill fastify` gives.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(packageRoot(), join(folder, 'node_modules', 'firedrill'))
  symlinkSync(join(packageRoot(), 'node_modules', 'fastify'), join(folder, 'node_modules', 'fastify'))
  const source = own.find(({ language }) => language === 'js')!
  expect(source.text).toMatch(/^\/\/ notifier\.mjs\n/)
  writeFileSync(join(folder, 'notifier.mjs'), source.text)
  const { notifier: port } = await freePorts('127.0.0.1', ['notifier'])
  url = `http://127.0.0.1:${port}`
  service = start({ PORT: String(port), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, LOKI_URL: receiver.url })
  service.stdout!.on('data', (chunk) => {
    stdout += chunk
  })
  await eventually(async () => (await fetch(`${url}/health`)).ok)
}, 60_000)

afterAll(() => {
  service?.kill('SIGKILL')
  receiver?.close()
  rmSync(folder, { recursive: true, force: true })
})

function start(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['notifier.mjs'], { cwd: folder, env: { PATH: process.env.PATH, ...environment } })
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`did not come true: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const notify = (channel: string) =>
  fetch(`${url}/notify/${channel}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"tenant":"acme","text":"hello"}',
  })

test('the service appears in metrics, logs and traces', async () => {
  expect((await notify('mail')).status).toBe(200)
  expect((await notify('pigeon')).status).toBe(404)

  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('notifications_sent_total{tenant_id="acme",channel="mail"} 1')
  expect(text).toContain('notifications_failed_total{reason="unknown_channel"} 1')
  expect(text).toContain(
    'http_requests_total{method="POST",endpoint="/notify/{channel}",status="200",tenant_id="acme"} 1',
  )

  await eventually(() => receiver.spans.length >= 3)
  const mail = receiver.spans.find(({ name }) => name === 'send_mail')!
  const server = receiver.spans.find(({ spanId }) => spanId === mail.parentSpanId)!
  expect(server).toMatchObject({ service: 'notifier', name: 'POST /notify/{channel}' })

  await eventually(() => receiver.lines.some(({ line }) => line.event === 'notification_refused'))
  const lines = stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.find(({ event }) => event === 'notification_sent')).toMatchObject({
    logger: 'notifier.delivery',
    tenant_id: 'acme',
    trace_id: server.traceId,
    channel: 'mail',
  })
})

test('the scrape job of the page finds it, and the alert asks for a metric that it has', async () => {
  const yaml = own.filter(({ language }) => language === 'yaml').map(({ text }) => parse(text) as Yaml)
  const job = yaml.find(({ scrape_configs }) => scrape_configs)!.scrape_configs![0]!
  expect(job.static_configs[0]!.targets).toEqual(['localhost:8010'])
  expect(readPage(page)).toContain('process.env.PORT ?? 8010')
  const answer = await fetch(`${url}${job.metrics_path}`, { headers: { accept: 'application/openmetrics-text' } })
  expect(answer.headers.get('content-type')).toContain('openmetrics')
  const rule = yaml.find(({ groups }) => groups)!.groups![0]!.rules[0]!
  const metric = /increase\((\w+)\[/.exec(rule.expr)![1]!
  const samples = parseSamples(await (await fetch(`${url}${job.metrics_path}`)).text())
  expect(JSON.stringify([...samples])).toContain(metric)
})

interface Yaml {
  readonly scrape_configs?: readonly {
    readonly metrics_path: string
    readonly static_configs: readonly { readonly targets: readonly string[] }[]
  }[]
  readonly groups?: readonly { readonly rules: readonly { readonly expr: string }[] }[]
}

test('without settings it says what the page shows', async () => {
  const shown = own.flatMap(commandsOf).find(({ command }) => command === 'node notifier.mjs')!
  const child = start({})
  let stderr = ''
  child.stderr!.on('data', (chunk) => {
    stderr += chunk
  })
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
  expect(stderr.trimEnd().split('\n')).toEqual(shown.output)
})

test('the page lists every variable that is read', () => {
  const source = readPage('services/runtime/live/telemetry-environment.ts')
  const read = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name!)
  const listed = [...readPage(page).matchAll(/^\| `([A-Z][A-Z_]+)` \|/gm)].map(([, name]) => name!)
  expect(listed.toSorted()).toEqual(read.toSorted())
  expect(() => readTelemetryEnvironment({ OTEL_TRACES_EXPORTER: 'none' }, 'notifier')).not.toThrow()
})

test('it ends in order at SIGTERM', async () => {
  const code = new Promise((resolve) => service.once('exit', resolve))
  service.kill('SIGTERM')
  expect(await code).toBe(0)
})
