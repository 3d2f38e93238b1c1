import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SpanRecord } from '../../simulator/drill/span-record.ts'
import { createOtlpSink } from '../../simulator/sinks/otlp-sink.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { shippedDrill } from '../drill/run-scenario.ts'
import { type RunningJaeger, startJaeger, whyMissing } from './servers.ts'
import { type Signals, simulate } from './signals.ts'

const reason = whyMissing('jaeger')

interface JaegerSpan {
  readonly spanID: string
  readonly operationName: string
  readonly processID: string
  readonly startTime: number
  readonly duration: number
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[]
  readonly tags: readonly { readonly key: string; readonly value: unknown }[]
}

interface JaegerTrace {
  readonly spans: readonly JaegerSpan[]
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
}

describe.skipIf(reason)(`traces of a drill in a real Jaeger${reason ? `: skipped, ${reason}` : ''}`, () => {
  let jaeger: RunningJaeger
  let signals: Signals

  beforeAll(async () => {
    jaeger = await startJaeger()
    signals = await simulate(shippedDrill('bad-deploy'))
    const sink = createOtlpSink({ url: jaeger.otlpUrl, environment: 'test', clock: wallClock })
    for (const span of signals.spans) await sink.write(span)
    const count = signals.spans.length
    expect(await sink.close(60_000)).toEqual({ generated: count, delivered: count, dropped: {}, queued: 0 })
  }, 120_000)
  afterAll(() => jaeger?.stop())

  test('name the three services', async () => {
    const names = await eventually(async () => {
      const { data } = (await (await fetch(`${jaeger.url}/api/services`)).json()) as { data: string[] | null }
      return data && data.length >= 3 ? data.sort() : undefined
    }, 'three services')
    expect(names).toEqual(['backend-api', 'data-pipeline', 'ml-engine'])
  })

  test('hold every span with its parent, its time and its attributes, across services', async () => {
    const wanted = traceThrough(signals.spans, 'backend-api', 'ml-engine')
    const trace = await traceOf(jaeger, wanted[0]!.traceId)
    expect(trace.spans.map(({ spanID }) => spanID).sort()).toEqual(wanted.map(({ spanId }) => spanId).sort())
    for (const span of wanted) {
      const found = trace.spans.find(({ spanID }) => spanID === span.spanId)!
      expect(found.operationName).toBe(span.name)
      expect(trace.processes[found.processID]!.serviceName).toBe(span.service)
      expect(found.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID).toBe(span.parentSpanId)
      expect(found.startTime).toBe(Math.round(span.startMs * 1000))
      expect(found.duration).toBe(Math.round((span.startMs + span.durationMs) * 1000) - Math.round(span.startMs * 1000))
      for (const [key, value] of Object.entries(span.attributes)) {
        expect(found.tags.find((tag) => tag.key === key)?.value).toEqual(value)
      }
    }
  })

  test('link what was consumed from Kafka to what produced it', async () => {
    const consumed = signals.spans.find(({ name, links }) => name === 'kafka.consume' && links.length > 0)!
    const link = consumed.links[0]!
    const trace = await traceOf(jaeger, consumed.traceId)
    const found = trace.spans.find(({ spanID }) => spanID === consumed.spanId)!
    expect(found.references).toContainEqual(
      expect.objectContaining({ refType: 'FOLLOWS_FROM', traceID: link.traceId, spanID: link.spanId }),
    )
    const producer = await traceOf(jaeger, link.traceId)
    expect(producer.spans.find(({ spanID }) => spanID === link.spanId)?.operationName).toBe('kafka.produce')
  })

  test('show failed spans as failed, with the exception', async () => {
    const failed = signals.spans.find(({ status, events }) => status.code === 2 && events.length > 0)!
    const trace = await traceOf(jaeger, failed.traceId)
    const found = trace.spans.find(({ spanID }) => spanID === failed.spanId)!
    expect(found.tags).toContainEqual(expect.objectContaining({ key: 'error', value: true }))
  })

  test('are counted by Jaeger in its own metrics', async () => {
    const text = await (await fetch(jaeger.metricsUrl)).text()
    const line = /^otelcol_receiver_accepted_spans\{[^}]*\} (\S+)$/m.exec(text)
    expect(Number(line?.[1])).toBe(signals.spans.length)
  })
})

/** All spans of the first trace that passes both services. */
function traceThrough(spans: readonly SpanRecord[], first: string, second: string): SpanRecord[] {
  for (const { traceId, service } of spans) {
    if (service !== second) continue
    const trace = spans.filter((span) => span.traceId === traceId)
    if (trace.some((span) => span.service === first)) return trace
  }
  throw new Error(`no trace passes ${first} and ${second}`)
}

/** Jaeger's batch processor hands spans on a moment after it has taken them. */
async function eventually<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Jaeger does not know ${what}`)
}

function traceOf(jaeger: RunningJaeger, traceId: string): Promise<JaegerTrace> {
  return eventually(async () => {
    const { data } = (await (await fetch(`${jaeger.url}/api/traces/${traceId}`)).json()) as { data?: JaegerTrace[] }
    return data?.[0]
  }, `the trace ${traceId}`)
}
