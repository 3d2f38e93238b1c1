import { describe, expect, test } from 'vitest'
import { createSinks } from '../../services/runtime/live/telemetry-sinks.ts'
import { createRng } from '../../services/runtime/rng.ts'
import { lostText } from '../../services/runtime/telemetry/telemetry-metrics.ts'
import { createTracer, SpanKind, traceparentOf } from '../../services/runtime/telemetry/tracing.ts'
import { type RunningJaeger, startJaeger, whyMissing } from './servers.ts'

const reason = whyMissing('jaeger')
const traceId = '0af7651916cd43dd8448eb211c80319c'

interface JaegerSpan {
  readonly spanID: string
  readonly operationName: string
  readonly processID: string
  readonly startTime: number
  readonly duration: number
  readonly references: readonly { readonly refType: string; readonly spanID: string }[]
  readonly tags: readonly { readonly key: string; readonly value: unknown }[]
}

describe.skipIf(reason)(`live services and a real Jaeger${reason ? ` (skipped: ${reason})` : ''}`, () => {
  test('the same traces arrive by OTLP and by the Jaeger exporter', async () => {
    const byOtlp = await sendAndRead('otlp')
    const byJaeger = await sendAndRead('jaeger')
    expect(byOtlp).toHaveLength(3)
    expect(byJaeger).toEqual(byOtlp)
  })
})

/** A request through two services, sent by the sinks that live services use. */
async function sendAndRead(tracesExporter: 'otlp' | 'jaeger') {
  const jaeger = await startJaeger()
  try {
    const tracesUrl = tracesExporter === 'otlp' ? jaeger.otlpUrl : jaeger.thriftUrl
    const telemetry = { environment: 'test', lokiUrl: undefined, tracesUrl, tracesExporter, spansFolder: undefined }
    let nowMs = Date.now()
    const startedMs = nowMs
    const clock = { nowMs: () => nowMs, sleep: async () => {} }
    const processes = await Promise.all(
      ['backend-api', 'ml-engine'].map(async (service) => {
        const sinks = await createSinks(service, telemetry, { write() {}, lost: 0 })
        const tracer = createTracer({ service, clock, rng: createRng(1).fork(service), onEnd: sinks.span })
        return { sinks, tracer }
      }),
    )
    const [api, engine] = [processes[0]!, processes[1]!]
    const root = api.tracer.startRoot('GET /recommendations', traceId, { kind: SpanKind.SERVER })
    const call = api.tracer.startChild('ml_engine_call', root, { kind: SpanKind.CLIENT })!
    const remote = engine.tracer.startRemote('POST /recommend', traceparentOf(call), { kind: SpanKind.SERVER })
    remote.setAttribute('tenant.id', 'acme')
    nowMs += 12
    remote.fail(new TypeError('no embedding'))
    for (const span of [remote, call, root]) span.end()
    for (const { sinks } of processes) {
      await sinks.close(5_000)
      expect(lostText(sinks.facts())).toEqual([])
    }
    return (await spansOf(jaeger)).map((span) => ({ ...span, startMs: span.startMs - startedMs }))
  } finally {
    await jaeger.stop()
  }
}

async function spansOf(jaeger: RunningJaeger) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { data } = (await (await fetch(`${jaeger.url}/api/traces/${traceId}`)).json()) as {
      data?: { spans: JaegerSpan[]; processes: Record<string, { serviceName: string }> }[]
    }
    const [trace] = data ?? []
    if (trace && trace.spans.length === 3) {
      return trace.spans
        .map((span) => ({
          spanId: span.spanID,
          name: span.operationName,
          service: trace.processes[span.processID]!.serviceName,
          parent: span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID,
          startMs: span.startTime / 1000,
          durationMs: span.duration / 1000,
          kind: span.tags.find(({ key }) => key === 'span.kind')?.value,
          failed: span.tags.find(({ key }) => key === 'error')?.value ?? false,
          tenant: span.tags.find(({ key }) => key === 'tenant.id')?.value,
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the trace did not arrive')
}
