/** The services' bus over a real broker: counted batches become messages, and lag is the broker's own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaBus } from '../../services/runtime/live/kafka-bus.ts'
import type { MessageBatch } from '../../services/runtime/ports.ts'
import { type RunningKafka, startKafka, whyMissing } from './servers.ts'

const reason = whyMissing('kafka')
const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const topics = [{ topic: 'interactions', partitions: 4 }]
const links = { cross: async () => {} }

describe.skipIf(reason)(`the bus over a real Kafka${reason ? `: skipped, ${reason}` : ''}`, () => {
  type Bus = Awaited<ReturnType<typeof createKafkaBus>>
  let kafka: RunningKafka
  let producer: Bus
  let consumer: Bus

  beforeAll(async () => {
    kafka = await startKafka()
    producer = await createKafkaBus({ brokers: [kafka.broker], service: 'backend-api', links, topics })
    consumer = await createKafkaBus({ brokers: [kafka.broker], service: 'data-pipeline', links, topics })
  }, 60_000)

  afterAll(async () => {
    await consumer?.close()
    await producer?.close()
    await kafka?.stop()
  }, 30_000)

  const publish = (count: number) =>
    producer.publish({
      topic: 'interactions',
      key: 'user-1',
      count,
      bytes: count * 100,
      tenantId: 'tenant',
      headers: { traceparent },
      value: { clicks: count },
    })

  test('what is sent arrives once, in order, with its trace, and lag is what is not committed', async () => {
    for (const count of [3, 4, 5]) await publish(count)
    const sent = await consumer.partitions('interactions', 'group')
    const { partition } = sent.find(({ endOffset }) => endOffset > 0)!
    expect(sent[partition]).toEqual({ partition, endOffset: 12, committedOffset: 0 })
    const read: MessageBatch[] = []
    while (read.reduce((sum, { count }) => sum + count, 0) < 12) {
      read.push(...(await consumer.poll('interactions', partition, 'group', 7)))
    }
    expect(read.map(({ offset, count, value, headers }) => [offset, count, value, headers.traceparent])).toEqual([
      [0, 3, { clicks: 3 }, traceparent],
      [3, 4, { clicks: 4 }, traceparent],
      [7, 5, { clicks: 5 }, traceparent],
    ])
    await consumer.commit('interactions', partition, 'group', 7)
    const committed = await consumer.partitions('interactions', 'group')
    expect(committed[partition]).toEqual({ partition, endOffset: 12, committedOffset: 7 })
    const waiting = consumer.poll('interactions', partition, 'group', 100)
    await publish(2)
    expect(await waiting).toMatchObject([{ offset: 12, count: 2, tenantId: 'tenant' }])
  }, 60_000)
})
