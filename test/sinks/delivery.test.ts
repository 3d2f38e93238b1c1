import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { Accounting } from '../../simulator/drill/drill-result.ts'
import { Delivery, type DeliveryOptions } from '../../simulator/sinks/delivery.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { type Behaviour, type MisbehavingServer, startMisbehavingServer } from './misbehaving-server.ts'

const good: Behaviour = { status: 204 }
let server: MisbehavingServer | undefined

afterEach(async () => {
  await server?.close()
  server = undefined
})

async function deliveryTo(
  behave: (request: number) => Behaviour,
  options: Partial<DeliveryOptions<string>> = {},
): Promise<Delivery<string>> {
  server = await startMisbehavingServer(behave)
  return new Delivery<string>({
    name: 'test',
    clock: wallClock,
    encode: (batch) => ({ url: server!.url, headers: {}, body: batch.join('\n') }),
    isRepeatable: (status) => status === 429 || status >= 500,
    bytesOf: (item) => item.length,
    batchItemsMax: 10,
    batchBytesMax: 10_000,
    retryAfterMs: 1,
    attemptsMax: 3,
    timeoutMs: 150,
    ...options,
  })
}

async function writeAll(delivery: Delivery<string>, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await delivery.write(`record ${i}`)
}

function total({ delivered, dropped, queued }: Accounting): number {
  return delivered + Object.values(dropped).reduce((sum, n) => sum + n, 0) + queued
}

describe('a sink', () => {
  test('delivers everything, in order, in batches', async () => {
    const delivery = await deliveryTo(() => good)
    await writeAll(delivery, 95)
    expect(await delivery.close(1_000)).toEqual({ generated: 95, delivered: 95, dropped: {}, queued: 0 })
    expect(server!.accepted.join('\n').split('\n')).toEqual(Array.from({ length: 95 }, (_, i) => `record ${i}`))
    expect(server!.seen.length).toBeLessThan(20)
  })

  test('encodes the next full batch while the server works on the one before', async () => {
    const order: string[] = []
    const delivery = await deliveryTo(() => good, {
      encode: (batch) => {
        order.push(`encoded ${batch.length}`)
        return { url: server!.url, headers: {}, body: batch.join('\n') }
      },
      fetch: async () => {
        order.push('sent')
        await new Promise((resolve) => setTimeout(resolve, 50))
        order.push('answered')
        return new Response(null, { status: 204 })
      },
    })
    for (let i = 0; i < 25; i += 1) delivery.offer(`record ${i}`)
    expect((await delivery.close(1_000)).delivered).toBe(25)
    expect(order).toEqual([
      ...['encoded 10', 'sent', 'encoded 10', 'answered'],
      ...['sent', 'answered'],
      ...['encoded 5', 'sent', 'answered'],
    ])
  })

  test.each([429, 500, 503])('sends the identical body again after %i', async (status) => {
    const delivery = await deliveryTo((request) => (request < 2 ? { status } : good))
    await writeAll(delivery, 10)
    expect((await delivery.close(1_000)).delivered).toBe(10)
    expect(server!.seen[1]).toBe(server!.seen[0])
    expect(server!.seen[2]).toBe(server!.seen[0])
  })

  test('sends again after a connection that broke', async () => {
    const delivery = await deliveryTo((request) => (request === 0 ? 'reset' : good))
    await writeAll(delivery, 10)
    expect((await delivery.close(1_000)).delivered).toBe(10)
  })

  test('waits as long as Retry-After asks', async () => {
    let secondAtMs = 0
    const startedMs = Date.now()
    const delivery = await deliveryTo((request) => {
      if (request === 0) return { status: 429, headers: { 'retry-after': '0.2' } }
      secondAtMs = Date.now()
      return good
    })
    await writeAll(delivery, 1)
    await delivery.close(2_000)
    expect(secondAtMs - startedMs).toBeGreaterThanOrEqual(190)
  })

  test('never repeats what is refused with 400, and says how many records that were', async () => {
    const delivery = await deliveryTo((request) => (request === 0 ? { status: 400, body: 'too old' } : good))
    await writeAll(delivery, 20)
    const { delivered, dropped } = await delivery.close(1_000)
    expect({ delivered, dropped }).toEqual({ delivered: 10, dropped: { 'test answered 400': 10 } })
    expect(server!.seen).toHaveLength(2)
  })

  test('gives up after some attempts, goes on with the next batch, and comes back when the server does', async () => {
    const delivery = await deliveryTo((request) => (request < 3 ? { status: 500 } : good))
    await writeAll(delivery, 20)
    const { delivered, dropped } = await delivery.close(1_000)
    expect({ delivered, dropped }).toEqual({ delivered: 10, dropped: { 'test answered 500 3 times': 10 } })
  })

  test('stops trying when the server is gone, and holds nobody up', async () => {
    const delivery = await deliveryTo(() => good)
    await server!.close()
    await writeAll(delivery, 100_000)
    const accounting = await delivery.close(1_000)
    expect(accounting.delivered).toBe(0)
    expect(total(accounting)).toBe(100_000)
    expect(delivery.gone).toMatch(/test can't be reached \(ECONNREFUSED\) 3 times, given up/)
  })

  test('ends in time although the server hangs, and counts what did not arrive', async () => {
    const delivery = await deliveryTo(() => 'hang', { timeoutMs: 60_000 })
    for (let i = 0; i < 30; i += 1) delivery.offer(`record ${i}`)
    const startedMs = Date.now()
    const { dropped } = await delivery.close(100)
    expect(Date.now() - startedMs).toBeLessThan(5_000)
    expect(dropped).toEqual({ 'no answer before the end': 10, 'not sent before the end': 20 })
  })

  test('takes no more than fits in memory: who can not wait is told, and counted', async () => {
    const delivery = await deliveryTo(() => 'hang', { queueBytesMax: 100, timeoutMs: 60_000 })
    const taken = Array.from({ length: 50 }, (_, i) => delivery.offer(`record ${i}`)).filter(Boolean).length
    expect(taken).toBeLessThan(15)
    const accounting = await delivery.close(50)
    expect(accounting.dropped['no room in the queue']).toBe(50 - taken)
    expect(total(accounting)).toBe(50)
  })

  test('who can wait waits for room, and loses nothing to a slow server', async () => {
    const delivery = await deliveryTo(() => ({ status: 204, afterMs: 5 }), { queueBytesMax: 200 })
    await writeAll(delivery, 300)
    expect(await delivery.close(5_000)).toEqual({ generated: 300, delivered: 300, dropped: {}, queued: 0 })
  })

  test('counts what a successful answer says was not taken', async () => {
    const delivery = await deliveryTo(() => ({ status: 200, body: '4' }), {
      rejectedOf: (answer) => ({ records: Number(answer), reason: 'rejected' }),
    })
    await writeAll(delivery, 10)
    expect(await delivery.close(1_000)).toEqual({ generated: 10, delivered: 6, dropped: { rejected: 4 }, queued: 0 })
  })

  test('generated = delivered + dropped + queued, whatever the server does', async () => {
    const behaviours: Behaviour[] = [good, { status: 400 }, { status: 429 }, { status: 500 }, 'reset', 'hang']
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...behaviours), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 120 }),
        fc.boolean(),
        async (answers, count, waits) => {
          const delivery = await deliveryTo((request) => answers[request % answers.length]!, {
            timeoutMs: 20,
            queueBytesMax: 300,
          })
          for (let i = 0; i < count; i += 1) {
            if (waits) await delivery.write(`record ${i}`)
            else delivery.offer(`record ${i}`)
            expect(total(delivery.accounting)).toBe(i + 1)
          }
          const accounting = await delivery.close(400)
          await server!.close()
          expect(accounting.queued).toBe(0)
          expect(total(accounting)).toBe(count)
          expect(accounting.delivered).toBeLessThanOrEqual(server!.accepted.join('\n').split('\n').length)
        },
      ),
      { numRuns: 25 },
    )
  })
})
