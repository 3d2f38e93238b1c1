/** The example of real clients over a real Kafka: what it sends carries its trace to whoever reads it. */
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenOfWhole, spansOf } from '../observability/real-clients.ts'
import { type RunningKafka, startKafka, whyMissing } from './servers.ts'

const reason = whyMissing('kafka')

describe.skipIf(reason)(`kafkajs in the example${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let broker: RunningKafka
  let kafka: Kafka
  const ends: (() => void)[] = []

  beforeAll(async () => {
    broker = await startKafka()
    kafka = new Kafka({ brokers: [broker.broker], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'example', numPartitions: 1 }], waitForLeaders: true })
    await admin.disconnect()
  }, 60_000)

  afterAll(async () => {
    for (const end of ends) end()
    await broker?.stop()
  }, 30_000)

  test('sends the message in a span, and the message carries it', async () => {
    const spans = await spansOf({ KAFKA_BROKERS: broker.broker }, ends)
    const sent = childrenOfWhole(spans).find(({ attributes }) => attributes['messaging.system'] === 'kafka')
    expect(sent!.name).toContain('example')
    const consumer = kafka.consumer({ groupId: 'reader' })
    await consumer.connect()
    try {
      await consumer.subscribe({ topic: 'example', fromBeginning: true })
      const message = await new Promise<{ value: string; traceparent: string }>((resolve) => {
        const eachMessage = async ({
          message: { value, headers },
        }: {
          message: { value: Buffer | null; headers?: object }
        }) => resolve({ value: String(value), traceparent: String((headers as Record<string, unknown>).traceparent) })
        consumer.run({ eachMessage })
      })
      expect(message).toEqual({ value: 'hello', traceparent: `00-${sent!.traceId}-${sent!.spanId}-01` })
    } finally {
      await consumer.disconnect()
    }
  }, 90_000)
})
