/** The live platform with a real Kafka, Loki and Jaeger: one request is followed by its trace id through all of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { versionOf } from '../../simulator/judge/prometheus/find-binary.ts'
import { LivePlatform } from '../../simulator/live/live-platform.ts'
import { documentedPorts } from '../../simulator/live/platform-settings.ts'
import { freePorts } from '../../simulator/live/ports.ts'
import { createTenants } from '../../simulator/workload/tenants.ts'
import { shippedDrill, shippedSetup, testEngine } from '../drill/run-scenario.ts'
import {
  currentPrometheus,
  type RunningJaeger,
  type RunningKafka,
  type RunningServer,
  startJaeger,
  startKafka,
  startLoki,
  whyMissing,
} from './servers.ts'

const reason = whyMissing('kafka', 'loki', 'jaeger', 'prometheus')
const drill = shippedDrill('steady-state')
const [tenant] = createTenants(drill.world)

interface JaegerSpan {
  readonly traceID: string
  readonly spanID: string
  readonly operationName: string
  readonly processID: string
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[]
}

interface JaegerTrace {
  readonly spans: readonly JaegerSpan[]
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
}

describe.skipIf(reason)(`signals of the live platform${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let kafka: RunningKafka
  let loki: RunningServer
  let jaeger: RunningJaeger
  let platform: LivePlatform
  let folder: string
  const stdout: string[] = []
  const deaths: string[] = []

  beforeAll(async () => {
    ;[kafka, loki, jaeger] = await Promise.all([startKafka(), startLoki(), startJaeger()])
    folder = mkdtempSync(join(tmpdir(), 'firedrill-live-signals-'))
    const { config, groups } = await shippedSetup()
    const engine = await testEngine()
    platform = new LivePlatform({
      drill: { ...drill, load: [{ startMs: 0, endMs: 3_600_000, fromPerSecond: 3, toPerSecond: 3, daily: 0 }] },
      speed: 1,
      ports: await freePorts('127.0.0.1', Object.keys(documentedPorts)),
      folder,
      environment: { ...process.env, ENVIRONMENT: 'real-stack' },
      telemetry: { lokiUrl: loki.url, tracesUrl: jaeger.otlpUrl, tracesExporter: 'otlp' },
      keepsSpans: false,
      kafkaBrokers: [kafka.broker],
      prometheus: {
        binary: currentPrometheus,
        version: (await versionOf(currentPrometheus)) ?? 'unknown',
        config,
        ruleFiles: [...new Set(groups.map(({ file }) => file))],
        groupCount: groups.length,
        parseDuration: (text) => engine.parseDuration(text),
      },
      alertmanager: undefined,
      onLine: (process, line, stream) => {
        if (stream === 'stdout') stdout.push(line)
        else if (process !== 'prometheus') deaths.push(`${process}: ${line}`)
      },
      onDeath: (process, why) => deaths.push(`${process} ended (${why})`),
      onAudit() {},
    })
    await platform.start()
  }, 180_000)

  afterAll(async () => {
    await platform?.stop()
    await Promise.all([kafka?.stop(), loki?.stop(), jaeger?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  /** A request as a client sends that traces itself: its trace is sampled. */
  async function send(method: string, path: string, body?: unknown): Promise<{ traceId: string; parent: string }> {
    const traceId = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16)).join('')
    const parent = traceId.slice(0, 16)
    const response = await fetch(`http://${platform.addressOf('backend-api')}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tenant!.id}/u${traceId.slice(0, 6)}`,
        traceparent: `00-${traceId}-${parent}-01`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    expect(response.status).toBeLessThan(300)
    return { traceId, parent }
  }

  test('a request is one trace through both services that answer it, each span below its caller', async () => {
    const { traceId, parent } = await send('GET', '/recommendations')
    const trace = await eventually(() => traceOf(traceId, ['backend-api', 'ml-engine']), 'the trace of the request')
    const byId = new Map(trace.spans.map((span) => [span.spanID, span]))
    const parentOf = (span: JaegerSpan) => span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID
    const root = trace.spans.find((span) => parentOf(span) === parent)!
    expect([root.operationName, serviceOf(trace, root)]).toEqual(['GET /recommendations', 'backend-api'])
    for (const span of trace.spans) if (span !== root) expect(byId.has(parentOf(span)!), span.operationName).toBe(true)
    const entry = trace.spans.find((span) => serviceOf(trace, span) === 'ml-engine' && crosses(trace, span, byId))!
    expect(entry.operationName).toBe('POST /recommend')
    expect(serviceOf(trace, byId.get(parentOf(entry)!)!)).toBe('backend-api')
    // Nobody has heard of this user, so the model's features come from the database.
    const query = trace.spans.find(
      (span) => serviceOf(trace, span) === 'ml-engine' && span.operationName === 'db.select',
    )
    expect(byId.get(parentOf(query!)!)!.operationName).toBe('get_user_embedding')
  })

  test('what it published goes on in the data pipeline, linked through Kafka', async () => {
    const { traceId } = await send('POST', '/interactions', { events: 3, clicks: 1 })
    const trace = await eventually(() => traceOf(traceId, ['backend-api']), 'the trace of the producer')
    const produced = trace.spans.find(({ operationName }) => operationName === 'kafka.produce')!
    const consumed = await eventually(async () => {
      const spans = (await consumedTraces()).flatMap((consumer) => consumer.spans)
      return spans.find(({ references }) => references.some((reference) => reference.traceID === traceId))
    }, 'what was consumed')
    expect(consumed.references).toContainEqual(
      expect.objectContaining({ refType: 'FOLLOWS_FROM', traceID: traceId, spanID: produced.spanID }),
    )
    // What one poll gave is stored by one query, below the first of its messages that are traced.
    const stored = await eventually(
      async () =>
        (await consumedTraces()).find(({ spans }) => spans.some((span) => span.operationName === 'db.insert')),
      'the query that stores what was consumed',
    )
    const insert = stored.spans.find(({ operationName }) => operationName === 'db.insert')!
    const parent = stored.spans.find(({ spanID }) => insert.references.some((reference) => reference.spanID === spanID))
    expect(parent!.operationName).toBe('kafka.consume')
  })

  test('its log lines are found in Loki by the same id, as they were written and when they were written', async () => {
    const { traceId } = await send('GET', '/recommendations')
    const streams = await eventually(async () => {
      const found = await lokiStreams(`{env="real-stack"} | trace_id="${traceId}"`)
      const services = new Set(found.map(({ stream }) => stream.service))
      const isWhole = found.flatMap(({ values }) => values).length === writtenOf(traceId).length
      return services.has('backend-api') && services.has('ml-engine') && isWhole ? found : undefined
    }, 'the log lines of the request')
    const written = writtenOf(traceId)
    const found = streams.flatMap(({ values }) => values)
    expect(found.map(([, line]) => line).sort()).toEqual([...written].sort())
    expect(written.length).toBeGreaterThanOrEqual(4)
    for (const [timeNs, line] of found) {
      const { timestamp } = JSON.parse(line) as { timestamp: string }
      expect(Number(timeNs.slice(0, -6))).toBe(Date.parse(timestamp))
    }
    const labels = new Set(streams.map(({ stream: { service, env, level } }) => `${service} ${env} ${level}`))
    expect(labels).toEqual(new Set(['backend-api real-stack info', 'ml-engine real-stack info']))
  })

  test('Prometheus keeps the trace of a request as exemplar of its latency', async () => {
    const { traceId } = await send('GET', '/usage')
    // Scraped every 15 s.
    const found = await eventually(
      async () => {
        const range = { start: String(Date.now() / 1000 - 300), end: String(Date.now() / 1000 + 5) }
        const query = new URLSearchParams({ query: 'http_request_duration_seconds_bucket', ...range })
        const answer = await fetch(`http://${platform.addressOf('prometheus')}/api/v1/query_exemplars?${query}`)
        const { data } = (await answer.json()) as {
          data: { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string> }[] }[]
        }
        return data.find(({ exemplars }) => exemplars.some(({ labels }) => labels.trace_id === traceId))
      },
      'the exemplar',
      60_000,
    )
    expect(found.seriesLabels).toMatchObject({ job: 'backend-api', endpoint: '/usage' })
  }, 90_000)

  test('every line that the services wrote is in Loki once they have ended', async () => {
    await Promise.all(Array.from({ length: 30 }, () => send('GET', '/usage')))
    expect(await platform.stop()).toEqual([])
    const written = stdout.filter((line) => line.startsWith('{"level"'))
    const counted = await eventually(async () => {
      const answer = await fetch(
        `${loki.url}/loki/api/v1/query?${new URLSearchParams({ query: 'sum(count_over_time({env="real-stack"}[30m]))' })}`,
      )
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      return Number(data.result[0]?.value[1]) === written.length ? written.length : undefined
    }, `${written.length} lines`)
    expect(counted).toBeGreaterThan(60)
    expect(deaths).toEqual([])
  })

  function writtenOf(traceId: string): string[] {
    return stdout.filter((line) => line.includes(traceId))
  }

  async function consumedTraces(): Promise<JaegerTrace[]> {
    const query = new URLSearchParams({ service: 'data-pipeline', operation: 'kafka.consume', limit: '1000' })
    const { data } = (await (await fetch(`${jaeger.url}/api/traces?${query}`)).json()) as { data?: JaegerTrace[] }
    return data ?? []
  }

  async function traceOf(traceId: string, services: readonly string[]): Promise<JaegerTrace | undefined> {
    const { data } = (await (await fetch(`${jaeger.url}/api/traces/${traceId}`)).json()) as { data?: JaegerTrace[] }
    const trace = data?.[0]
    if (!trace) return undefined
    const present = new Set(trace.spans.map((span) => serviceOf(trace, span)))
    if (!services.every((service) => present.has(service))) return undefined
    // Services export on their own: a parent may come after its children.
    const ids = new Set(trace.spans.map(({ spanID }) => spanID))
    const orphans = trace.spans.filter(({ references }) => references.every(({ spanID }) => !ids.has(spanID)))
    return orphans.length <= 1 ? trace : undefined
  }

  async function lokiStreams(query: string) {
    const nowMs = Date.now()
    const range = { start: `${nowMs - 600_000}000000`, end: `${nowMs + 1_000}000000`, limit: '1000' }
    const answer = await fetch(`${loki.url}/loki/api/v1/query_range?${new URLSearchParams({ query, ...range })}`)
    const { data } = (await answer.json()) as {
      data: { result: { stream: Record<string, string>; values: [string, string][] }[] }
    }
    return data.result
  }
})

function serviceOf(trace: JaegerTrace, span: JaegerSpan): string {
  return trace.processes[span.processID]!.serviceName
}

/** Whether its caller is in another service. */
function crosses(trace: JaegerTrace, span: JaegerSpan, byId: ReadonlyMap<string, JaegerSpan>): boolean {
  const parent = byId.get(span.references[0]?.spanID ?? '')
  return parent !== undefined && serviceOf(trace, parent) !== serviceOf(trace, span)
}

/** Services send once in a while, and servers take a moment to show what they took. */
async function eventually<T>(ask: () => Promise<T | undefined>, what: string, withinMs = 30_000): Promise<T> {
  for (const endMs = Date.now() + withinMs; Date.now() < endMs; await setTimeout(300)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(`${what} did not arrive within ${withinMs / 1000} s`)
}
