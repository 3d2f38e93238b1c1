import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placeInTime } from '../../simulator/push/place-in-time.ts'
import { createLokiSink } from '../../simulator/sinks/loki-sink.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { shippedDrill } from '../drill/run-scenario.ts'
import { type RunningServer, startLoki, whyMissing } from './servers.ts'
import { type Signals, simulate } from './signals.ts'

const reason = whyMissing('loki')

describe.skipIf(reason)(`logs of a drill in a real Loki${reason ? `: skipped, ${reason}` : ''}`, () => {
  let loki: RunningServer
  let signals: Signals

  beforeAll(async () => {
    loki = await startLoki()
    // Loki looks for fresh lines only where fresh lines can be.
    signals = await simulate(placeInTime(shippedDrill('bad-deploy'), { endingMs: Date.now() }))
  }, 120_000)
  afterAll(() => loki?.stop())

  test('arrive complete', async () => {
    const sink = createLokiSink({ url: loki.url, environment: 'test', clock: wallClock })
    for (const record of signals.logs) await sink.write(JSON.stringify(record))
    expect(await sink.close(60_000)).toEqual({
      generated: signals.logs.length,
      delivered: signals.logs.length,
      dropped: {},
      queued: 0,
    })
    const counted = await query(loki, 'sum(count_over_time({env="test"}[1h]))')
    expect(Number(counted[0]?.value[1])).toBe(signals.logs.length)
  })

  test('have only service, env and level as labels', async () => {
    const { data } = await ask<{ data: string[] }>(loki, '/loki/api/v1/labels', range(signals))
    // service_name is Loki's own, made of `service`.
    expect(data.filter((label) => !label.startsWith('__') && label !== 'service_name').sort()).toEqual([
      'env',
      'level',
      'service',
    ])
  })

  test('are found by trace id, in the order in which they were written', async () => {
    const failed = signals.logs.find(({ event, span_id }) => event === 'request_failed' && span_id)!
    const expected = signals.logs.filter(({ trace_id }) => trace_id === failed.trace_id).map(({ message }) => message)
    const streams = await queryRange(loki, `{env="test"} | trace_id="${failed.trace_id}"`, signals)
    const lines = streams.flatMap(({ values }) => values).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
    expect(lines.map(([, line]) => (JSON.parse(line) as { message: string }).message).sort()).toEqual(
      [...expected].sort(),
    )
    expect(expected.length).toBeGreaterThan(1)
  })
})

interface Stream {
  readonly values: readonly (readonly [string, string])[]
}

function range({ logs }: Signals): Record<string, string> {
  const first = Date.parse(String(logs[0]!.timestamp))
  const last = Date.parse(String(logs.at(-1)!.timestamp))
  return { start: `${first}000000`, end: `${last + 1}000000` }
}

async function ask<T>(loki: RunningServer, path: string, parameters: Record<string, string>): Promise<T> {
  const response = await fetch(`${loki.url}${path}?${new URLSearchParams(parameters)}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`loki answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

async function query(loki: RunningServer, expression: string): Promise<{ value: [number, string] }[]> {
  const { data } = await ask<{ data: { result: { value: [number, string] }[] } }>(loki, '/loki/api/v1/query', {
    query: expression,
    time: `${Date.now()}000000`,
  })
  return data.result
}

async function queryRange(loki: RunningServer, expression: string, signals: Signals): Promise<Stream[]> {
  const { data } = await ask<{ data: { result: Stream[] } }>(loki, '/loki/api/v1/query_range', {
    query: expression,
    limit: '1000',
    ...range(signals),
  })
  return data.result
}
