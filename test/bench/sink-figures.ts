/** How many log lines and spans a second reach a real Loki and a real Jaeger, with none lost: the server is asked for all. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SpanRecord } from '../../simulator/drill/span-record.ts'
import type { Delivery } from '../../simulator/sinks/delivery.ts'
import { createLokiSink } from '../../simulator/sinks/loki-sink.ts'
import { createOtlpSink } from '../../simulator/sinks/otlp-sink.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { startJaeger, startLoki, whyMissing } from '../real-stack/servers.ts'
import type { Figure, Measured } from './figure.ts'

const lineCount = 300_000
const spanCount = 120_000
const services = ['backend-api', 'ml-engine', 'data-pipeline']

export const lokiSinkFigure: Figure = {
  name: 'loki-sink',
  title: `${lineCount / 1000},000 log lines into a real Loki`,
  async measure() {
    const missing = whyMissing('loki')
    if (missing) return notMeasured('lines/s', 'a real Loki', missing)
    const loki = await startLoki()
    try {
      const lines = logLines()
      const perSecond = await speedOf(lines, createLokiSink({ url: loki.url, environment: 'bench', clock: wallClock }))
      await untilCounted(lineCount, async () => {
        const query = new URLSearchParams({ query: 'sum(count_over_time({env="bench"}[2h]))' })
        const answer = await fetch(`${loki.url}/loki/api/v1/query?${query}`)
        const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
        return Number(data.result[0]?.value[1] ?? 0)
      })
      const alone = await withReceiver((url) =>
        speedOf(lines, createLokiSink({ url, environment: 'bench', clock: wallClock })),
      )
      return {
        value: perSecond,
        unit: 'lines/s, all of them found in Loki',
        target: { least: 50_000 },
        comparisons: [{ to: 'a server that only takes them', ratio: perSecond / alone }],
        profile: 'node --cpu-prof dist/test/bench/main.js --only loki-sink',
      }
    } finally {
      await loki.stop()
    }
  },
}

export const traceSinkFigure: Figure = {
  name: 'trace-sink',
  title: `${spanCount / 1000},000 spans into a real Jaeger`,
  async measure() {
    const missing = whyMissing('jaeger')
    if (missing) return notMeasured('spans/s', 'a real Jaeger', missing)
    const jaeger = await startJaeger()
    try {
      const list = spans()
      const perSecond = await speedOf(
        list,
        createOtlpSink({ url: jaeger.otlpUrl, environment: 'bench', clock: wallClock }),
      )
      await untilCounted(spanCount, async () => {
        const text = await (await fetch(jaeger.metricsUrl)).text()
        return Number(/^otelcol_exporter_sent_spans\{[^}]*\} (\S+)$/m.exec(text)?.[1] ?? 0)
      })
      const alone = await withReceiver((url) =>
        speedOf(list, createOtlpSink({ url, environment: 'bench', clock: wallClock })),
      )
      return {
        value: perSecond,
        unit: 'spans/s, all of them stored by Jaeger',
        target: { least: 20_000 },
        comparisons: [{ to: 'a server that only takes them', ratio: perSecond / alone }],
        profile: 'node --cpu-prof dist/test/bench/main.js --only trace-sink',
      }
    } finally {
      await jaeger.stop()
    }
  },
}

function notMeasured(unit: string, what: string, reason: string): Measured {
  return { value: Number.NaN, unit, comparisons: [{ to: `${what}: ${reason}`, ratio: undefined }] }
}

/** @returns items a second, until the last one was taken @throws Error when one was dropped */
async function speedOf<Item>(items: readonly Item[], sink: Delivery<Item>): Promise<number> {
  const startedMs = performance.now()
  for (const item of items) await sink.write(item)
  const { delivered, dropped } = await sink.close(120_000)
  const seconds = (performance.now() - startedMs) / 1000
  if (delivered !== items.length) throw new Error(`${sink.name} dropped ${JSON.stringify(dropped)}`)
  return items.length / seconds
}

/** @throws Error when the server has not shown all of them after half a minute */
async function untilCounted(wanted: number, count: () => Promise<number>): Promise<void> {
  let seen = 0
  for (const endMs = Date.now() + 30_000; Date.now() < endMs; ) {
    seen = await count()
    if (seen === wanted) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`of ${wanted} records the server shows ${seen}`)
}

async function withReceiver(measure: (url: string) => Promise<number>): Promise<number> {
  const receiver = createServer((request, response) => request.resume().on('end', () => response.end('{}')))
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  try {
    return await measure(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}`)
  } finally {
    receiver.close()
    receiver.closeAllConnections()
  }
}

/** As the services write them, spread over the last half hour. */
function logLines(): string[] {
  const startMs = Date.now() - 1_800_000
  return Array.from({ length: lineCount }, (_, i) => {
    const service = services[i % 3]!
    return JSON.stringify({
      level: i % 50 === 0 ? 'WARN' : 'INFO',
      timestamp: new Date(startMs + i * (1_800_000 / lineCount)).toISOString(),
      logger: `${service}.http`,
      service,
      module: 'http',
      event: 'request_completed',
      request_id: `req-${hex(i, 16)}`,
      tenant_id: `tenant-${i % 20}`,
      user_id: `u${i % 1_000}`,
      trace_id: hex(i, 32),
      span_id: hex(i, 16),
      method: 'GET',
      endpoint: '/recommendations',
      status: 200,
      duration: 0.0421,
      message: 'GET /recommendations completed',
    })
  })
}

/** Traces of five spans. */
function spans(): SpanRecord[] {
  const startMs = Date.now() - 60_000
  return Array.from({ length: spanCount }, (_, i) => {
    const root = i - (i % 5)
    return {
      service: services[i % 3]!,
      traceId: hex(root + 1, 32),
      spanId: hex(i + 1, 16),
      parentSpanId: i === root ? undefined : hex(root + 1, 16),
      name: 'GET /recommendations',
      kind: 1,
      startMs: startMs + i / 10,
      durationMs: 42.125,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/recommendations',
        'http.response.status_code': 200,
        'tenant.id': `tenant-${i % 20}`,
      },
      status: { code: 0 },
      events: [],
      links: [],
    }
  })
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}
