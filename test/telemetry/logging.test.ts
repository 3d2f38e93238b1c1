/** The logging module as a service uses it: whose request a line belongs to, what stays secret, and that it never throws. */
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createLogging,
  getLogger,
  type LoggingOptions,
  logPerformance,
  runWithRequestContext,
  setRequestContext,
  setupLogging,
} from '../../services/runtime/telemetry/logging.ts'

let lines: Record<string, unknown>[] = []
let nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const options: LoggingOptions = {
  service: 'checkout',
  clock: { nowMs: () => nowMs },
  write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
}

beforeEach(() => {
  lines = []
  setupLogging(options)
})

test('a line has the fields of the catalogue, in one line of JSON', () => {
  const texts: string[] = []
  const log = createLogging({ ...options, write: (line) => texts.push(line) }).getLogger('payment')
  log.warn('card_refused', 'a card was\nrefused', { amount: 12 }, { requestId: 'r1', tenantId: 't1', traceId: 'a1' })
  expect(texts.join('').match(/\n/g)).toHaveLength(1)
  expect(JSON.parse(texts[0]!)).toEqual({
    level: 'WARN',
    timestamp: '2026-01-02T03:04:05.678Z',
    logger: 'checkout.payment',
    service: 'checkout',
    module: 'payment',
    event: 'card_refused',
    request_id: 'r1',
    tenant_id: 't1',
    trace_id: 'a1',
    amount: 12,
    message: 'a card was\nrefused',
  })
})

describe('the request that a line belongs to', () => {
  test('is known in everything that the request awaits, and not in what runs beside it', async () => {
    const log = getLogger('cart')
    const serve = (requestId: string) =>
      runWithRequestContext({ requestId }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        setRequestContext({ tenantId: `tenant of ${requestId}` })
        await Promise.resolve()
        log.info('served', 'served')
      })
    await Promise.all([serve('r1'), serve('r2')])
    log.info('idle', 'outside of a request')
    expect(lines.map(({ request_id, tenant_id }) => [request_id, tenant_id])).toEqual([
      ['r1', 'tenant of r1'],
      ['r2', 'tenant of r2'],
      [undefined, undefined],
    ])
  })

  test('is the one that is handed over, when one is', () => {
    runWithRequestContext({ requestId: 'around' }, () => getLogger().info('e', 'm', {}, { requestId: 'own' }))
    expect(lines[0]).toMatchObject({ request_id: 'own' })
  })
})

describe('logPerformance', () => {
  test('logs how long a function took, and gives what it gives', () => {
    const result = logPerformance('price', () => {
      nowMs += 250
      return 42
    })
    expect(result).toBe(42)
    expect(lines).toMatchObject([{ event: 'operation_completed', operation: 'price', duration: 0.25, success: true }])
  })

  test('waits for a promise', async () => {
    const promise = logPerformance('price', async () => {
      await Promise.resolve()
      nowMs += 1_500
      return 42
    })
    expect(lines).toEqual([])
    expect(await promise).toBe(42)
    expect(lines).toMatchObject([{ duration: 1.5, success: true }])
  })

  test.each([
    [
      'throws',
      () => {
        throw new TypeError('no price')
      },
    ],
    ['rejects', async () => Promise.reject(new TypeError('no price'))],
  ])('a function that %s is a failure with its exception, and still fails', async (_, run: () => unknown) => {
    await expect((async () => logPerformance('price', run, { fields: { item: 'i1' } }))()).rejects.toThrow('no price')
    expect(lines).toMatchObject([
      {
        level: 'ERROR',
        event: 'operation_failed',
        item: 'i1',
        success: false,
        exception: { type: 'TypeError', message: 'no price' },
      },
    ])
  })
})

test('a level holds for a logger and all below it, the nearest one wins', () => {
  const levels = { http: 'error', 'http.access': 'debug' } as const
  const { getLogger: own } = createLogging({ ...options, level: 'info', levels })
  for (const name of ['http', 'http.access', 'http.other', 'httpd', 'cart']) {
    own(name).debug('d', 'm')
    own(name).warn('w', 'm')
  }
  expect(lines.map(({ logger, event }) => `${logger} ${event}`)).toEqual([
    'checkout.http.access d',
    'checkout.http.access w',
    'checkout.httpd w',
    'checkout.cart w',
  ])
})

describe('secrets', () => {
  test.each([
    ['password', 'hunter2'],
    ['apiKey', 'abc'],
    ['X-Api-Key', 'abc'],
    ['Authorization', 'whatever'],
    ['refresh_token', 'abc'],
    ['set-cookie', ['a=b']],
    ['db', { dsn: 'postgres://u@h/d' }],
  ])('a field called %s is not written', (name, value) => {
    getLogger().info('e', 'm', { [name]: value, item: 'i1' })
    expect(JSON.stringify(lines[0])).not.toMatch(/hunter2|"abc"|whatever|a=b|u@h/)
    expect(JSON.stringify(lines[0])).toContain('[redacted]')
    expect(lines[0]).toMatchObject({ item: 'i1' })
  })

  test.each([
    'curl -H "Authorization: Bearer abcdef123456789"',
    'connect to postgres://app:hunter2@db:5432/shop failed',
    'token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl is not valid',
    'AKIAIOSFODNN7EXAMPLE is no key',
  ])('what a secret looks like is hidden in any text: %s', (text) => {
    getLogger().error('e', text, { note: text, deep: [{ note: text }] }, undefined, new Error(text))
    expect(JSON.stringify(lines[0])).not.toMatch(/abcdef123456789|hunter2|eyJhbGci|AKIAIOSFODNN7/)
  })

  test.each(['GET /token completed', 'basic authentication failed', 'the token is not valid', 'see https://docs/a@b'])(
    'words about secrets are none: %s',
    (text) => {
      getLogger().info('e', text)
      expect(lines[0]).toMatchObject({ message: text })
    },
  )

  test('names that only contain such a word are shown, and the caller keeps what it passed', () => {
    const fields = { tokens_used: 5, secretary: 'Ann', nested: { password: 'hunter2' } }
    getLogger().info('e', 'm', fields)
    expect(lines[0]).toMatchObject({ tokens_used: 5, secretary: 'Ann', nested: { password: '[redacted]' } })
    expect(fields.nested.password).toBe('hunter2')
  })
})

describe('logging never throws', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  test.each<[string, Record<string, unknown>]>([
    ['a circle', circular],
    ['a number without end', { big: 10n ** 30n }],
    ['what refuses to become JSON', { toJSON: () => expect.fail('no JSON') }],
    [
      'a class that refuses',
      {
        item: new (class {
          toJSON() {
            throw new Error('no JSON')
          }
        })(),
      },
    ],
    ['a function and a symbol', { run() {}, symbol: Symbol('s') }],
  ])('%s', (_, fields) => {
    getLogger().info('e', 'm', fields)
    expect(lines).toMatchObject([{ event: 'e' }])
  })

  test('a field that throws when it is read leaves a line that says so', () => {
    const fields = {
      get broken(): string {
        throw new Error('gone')
      },
    }
    getLogger().info('e', 'm', fields)
    expect(lines).toMatchObject([{ level: 'ERROR', event: 'e', message: 'm', logging_error: 'Error: gone' }])
  })

  test('a destination that throws costs the line, and the line is counted', () => {
    const logging = createLogging({
      ...options,
      write() {
        throw new Error('disk full')
      },
    })
    logging.getLogger().info('e', 'm')
    logging.getLogger().info('e', 'm')
    expect(logging.dropped).toBe(2)
  })
})
