import { describe, expect, test } from 'vitest'
import { probeLoki, probeOtlp, probePrometheus } from '../../simulator/push/probe.ts'

/** Answers by the path of the address; everything else is 404. */
function server(answers: Readonly<Record<string, { status?: number; body?: unknown }>>): typeof fetch {
  return async (input) => {
    const { status = 200, body = '' } = answers[new URL(String(input)).pathname] ?? { status: 404 }
    return new Response(typeof body === 'string' ? body || null : JSON.stringify(body), { status })
  }
}

const head = (numSeries: number, maxTime: number) => ({ body: { data: { headStats: { numSeries, maxTime } } } })
const yaml = (text: string) => ({ body: { data: { yaml: text } } })
const hourMs = 3_600_000

describe('a Prometheus that is asked what it takes', () => {
  const common = {
    '/api/v1/write': { status: 204 },
    '/api/v1/status/buildinfo': { body: { data: { version: '3.16.0' } } },
  }

  test('takes everything while it is empty', async () => {
    const send = server({ ...common, '/api/v1/status/tsdb': head(0, 0), '/api/v1/status/config': yaml('{}') })
    expect(await probePrometheus('http://p', send)).toEqual({
      reachable: true,
      what: 'Prometheus 3.16.0',
      oldestMs: undefined,
      because: undefined,
    })
  })

  test('takes the last hour when it has samples, and more with a window for late ones', async () => {
    const now = 1_000 * hourMs
    const without = server({
      ...common,
      '/api/v1/status/tsdb': head(5, now),
      '/api/v1/status/config': yaml('global: {}'),
    })
    expect(await probePrometheus('http://p', without)).toMatchObject({ oldestMs: now - hourMs })
    const late = yaml('storage: {tsdb: {out_of_order_time_window: 7d}}')
    const withWindow = server({ ...common, '/api/v1/status/tsdb': head(5, now), '/api/v1/status/config': late })
    expect(await probePrometheus('http://p', withWindow)).toMatchObject({ oldestMs: now - 168 * hourMs })
  })

  test('is told apart from a server that has no receiver, and from none at all', async () => {
    expect(await probePrometheus('http://p', server({}))).toMatchObject({
      reachable: false,
      hint: 'start it with --web.enable-remote-write-receiver',
    })
    const dead: typeof fetch = async () => {
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    }
    expect(await probePrometheus('http://p:9', dead)).toMatchObject({ problem: 'http://p:9: no answer (ECONNREFUSED)' })
  })

  test('may be another server that speaks remote write: then nothing is known, and nothing assumed', async () => {
    expect(await probePrometheus('http://p', server({ '/api/v1/write': { status: 204 } }))).toMatchObject({
      reachable: true,
      what: 'a server that speaks remote write',
      oldestMs: undefined,
    })
  })
})

test('a Loki says how old a line may be', async () => {
  const config = 'limits_config:\n  reject_old_samples: true\n  reject_old_samples_max_age: 1w\n'
  const send = server({ '/ready': {}, '/config': { body: config } })
  expect(await probeLoki('http://l', 1_000 * hourMs, send)).toMatchObject({ oldestMs: 832 * hourMs })
  expect(await probeLoki('http://l', 0, server({ '/ready': { status: 503 } }))).toMatchObject({ reachable: false })
})

test('an OTLP receiver is asked with an empty request', async () => {
  expect(await probeOtlp('http://o', server({ '/v1/traces': { body: {} } }))).toMatchObject({ reachable: true })
  expect(await probeOtlp('http://o', server({}))).toMatchObject({ reachable: false })
})
