/** The tracing module as a service uses it: whose child a span is, how it ends, how a trace crosses a border. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { registerTracing, unregisterTracing } from '../../services/runtime/live/register-tracing.ts'
import { createRng } from '../../services/runtime/rng.ts'
import { createLogging, runWithRequestContext } from '../../services/runtime/telemetry/logging.ts'
import { CacheTracer, DatabaseTracer, MLTracer } from '../../services/runtime/telemetry/operation-tracers.ts'
import { type SpanRecord, spanRecord } from '../../services/runtime/telemetry/span-record.ts'
import {
  createTracer,
  extractContext,
  injectContext,
  parseTraceparent,
  setupTracing,
  type Tracing,
  type TracingOptions,
  traceFunction,
  withSpan,
} from '../../services/runtime/telemetry/tracing.ts'

let spans: SpanRecord[] = []
let nowMs = 1_000_000
let tracing: Tracing
const options = (): TracingOptions => ({
  service: 'checkout',
  clock: { nowMs: () => nowMs },
  rng: createRng(7, 'spans'),
  onEnd: (span) => spans.push(spanRecord(span)),
})

beforeEach(() => {
  spans = []
  tracing = setupTracing(options())
  registerTracing(tracing)
})
afterAll(unregisterTracing)

const named = (name: string) => spans.find((span) => span.name === name)!

test('a span inside of a span is its child, also after waiting and beside others', async () => {
  await withSpan('order', () =>
    Promise.all(
      ['a', 'b'].map((item) =>
        withSpan(`reserve ${item}`, async () => {
          await new Promise((resolve) => setTimeout(resolve, 1))
          withSpan(`write ${item}`, () => {})
        }),
      ),
    ),
  )
  for (const item of ['a', 'b']) {
    expect(named(`write ${item}`).parentSpanId).toBe(named(`reserve ${item}`).spanId)
    expect(named(`reserve ${item}`).parentSpanId).toBe(named('order').spanId)
  }
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(named('order').parentSpanId).toBeUndefined()
})

describe('traceFunction', () => {
  test('traces a function with attributes of its arguments, at the time of the clock', () => {
    const price = traceFunction(
      'price',
      (item: string, count: number) => {
        nowMs += 250
        return `${item} x ${count}`
      },
      { attributes: (item, count) => ({ item, count }) },
    )
    expect(price('i1', 3)).toBe('i1 x 3')
    expect(spans).toMatchObject([{ name: 'price', durationMs: 250, attributes: { item: 'i1', count: 3 } }])
  })

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('too many')
      },
    ],
    ['rejects', async () => Promise.reject(new RangeError('too many'))],
  ])('what %s fails the span with the exception as an event', async (_, run: () => unknown) => {
    await expect((async () => traceFunction('price', run)())()).rejects.toThrow('too many')
    expect(spans).toMatchObject([
      {
        status: { code: 2, message: 'too many' },
        events: [
          { name: 'exception', attributes: { 'exception.type': 'RangeError', 'exception.message': 'too many' } },
        ],
      },
    ])
  })

  test('where nothing carries the active span, each span begins a trace', () => {
    unregisterTracing()
    expect(withSpan('outer', () => traceFunction('price', () => 42)())).toBe(42)
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined])
  })
})

describe('the context crosses a border', () => {
  test('over HTTP: the next service continues the trace', () => {
    const headers = runWithRequestContext({ requestId: 'r1', tenantId: 't1', userId: 'u1' }, () =>
      withSpan('call', () => injectContext({ accept: 'application/json' })),
    )
    expect(headers).toMatchObject({ accept: 'application/json', 'x-request-id': 'r1', 'x-tenant-id': 't1' })
    const extracted = extractContext(headers)
    expect(extracted).toMatchObject({ requestId: 'r1', tenantId: 't1', userId: 'u1', sampled: true })
    createTracer(options()).startRemote('serve', extracted.traceparent!).end()
    expect(named('serve')).toMatchObject({ traceId: named('call').traceId, parentSpanId: named('call').spanId })
  })

  test('over Kafka: headers come back as bytes, and the consumer links to the producer', () => {
    const sent: Record<string, string> = withSpan('kafka.produce', () => injectContext({}))
    const received = Object.fromEntries(Object.entries(sent).map(([name, text]) => [name, Buffer.from(text)]))
    const { traceparent } = extractContext(received)
    tracing.startRoot('kafka.consume', undefined, { links: [traceparent!] }).end()
    const { traceId, spanId } = named('kafka.produce')
    expect(named('kafka.consume').links).toEqual([{ traceId, spanId }])
    expect(named('kafka.consume').traceId).not.toBe(traceId)
  })

  test.each([
    ['no hexadecimal', '00-zz-11-01'],
    ['an empty trace', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`],
    ['an empty span', `00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['a forbidden version', `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`],
    ['too long for its version', `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01-x`],
  ])('%s is no context', (_, header) => {
    expect(parseTraceparent(header)).toBeUndefined()
    tracing.startRemote('serve', header).end()
    expect(named('serve').parentSpanId).toBeUndefined()
  })

  test('a trace that the sender does not record is not recorded here', () => {
    const header = `00-${'1'.repeat(32)}-${'1'.repeat(16)}-00`
    expect(extractContext({ traceparent: header })).toMatchObject({ sampled: false })
    tracing.startRemote('serve', header).end()
    expect(spans).toEqual([])
  })
})

test('of the traces begun here the stated share is recorded, whole or not at all', () => {
  const sampled = createTracer({ ...options(), sampling: 0.25 })
  for (let i = 0; i < 2_000; i += 1) {
    const root = sampled.startRoot('job')
    sampled.startChild('step', root)!.end()
    root.end()
  }
  const [jobs, steps] = ['job', 'step'].map((name) => spans.filter((span) => span.name === name).length)
  expect(steps).toBe(jobs)
  expect(jobs! / 2_000).toBeCloseTo(0.25, 1)
})

test('secrets reach neither attributes nor events', () => {
  const span = tracing.startRoot('login', undefined, {
    attributes: { password: 'hunter2', url: 'redis://u:hunter2@h' },
  })
  span.setAttribute('http.request.header.authorization', 'Bearer Abcdefgh12345')
  span.fail(new Error('postgres://app:hunter2@db refused'))
  span.end()
  expect(JSON.stringify(spans)).not.toMatch(/hunter2|Abcdefgh/)
})

describe('tracers of operations', () => {
  test('a query has its statement without what a customer typed', async () => {
    const statement = "SELECT * FROM users WHERE name = 'O''Brien' AND id = 42 AND tenant_id = $1 LIMIT 20"
    await new DatabaseTracer(tracing).query({ operation: 'select', statement }, async () => {})
    expect(spans).toMatchObject([
      {
        name: 'db.select',
        kind: 2,
        attributes: {
          'db.system': 'postgresql',
          'db.statement': 'SELECT * FROM users WHERE name = ? AND id = ? AND tenant_id = $1 LIMIT 20',
        },
      },
    ])
  })

  test('a look-up says whether it hit', async () => {
    const cache = new CacheTracer(tracing)
    expect(await cache.get('a', async () => 'value')).toBe('value')
    expect(await cache.get('b', async () => null)).toBeNull()
    expect(spans.map(({ name, attributes }) => [name, attributes['cache.key'], attributes['cache.hit']])).toEqual([
      ['cache.get', 'a', true],
      ['cache.get', 'b', false],
    ])
  })

  test('a training is a span over its stages, and fails with one of them', async () => {
    const ml = new MLTracer(tracing)
    const training = ml.training({ model: 'two_tower', datasetSize: 1_000 }, async () => {
      await ml.stage('data_loading', async () => {})
      await ml.stage('model_training', async () => Promise.reject(new Error('loss is NaN')))
    })
    await expect(training).rejects.toThrow('loss is NaN')
    expect(named('ml.training')).toMatchObject({ status: { code: 2 }, attributes: { 'ml.dataset.size': 1_000 } })
    expect(named('data_loading')).toMatchObject({ parentSpanId: named('ml.training').spanId, status: { code: 0 } })
    ml.inference({ name: 'two_tower', version: 'v3' }, () => {})
    expect(named('ml.inference').attributes).toEqual({ 'ml.model.name': 'two_tower', 'ml.model.version': 'v3' })
  })
})

test('a log line names the innermost span around it', () => {
  const lines: Record<string, unknown>[] = []
  const log = createLogging({ ...options(), write: (line) => lines.push(JSON.parse(line)) }).getLogger()
  withSpan('outer', () => withSpan('inner', () => log.info('e', 'm')))
  expect(lines).toMatchObject([{ trace_id: named('inner').traceId, span_id: named('inner').spanId }])
})
