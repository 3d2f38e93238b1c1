/**
 * The bus over a real Kafka broker. What the services hand over as one counted batch becomes that many messages, so that
 * offsets and lag are the broker's own; what is polled is put together again.
 */
import {
  type Admin,
  type Consumer,
  type EachBatchPayload,
  Kafka,
  type KafkaMessage,
  logLevel,
  type Producer,
} from 'kafkajs'
import {
  DependencyError,
  type MessageBatch,
  type MessageBus,
  type OutgoingBatch,
  type PartitionState,
} from '../ports.ts'
import type { Links } from './links.ts'

export interface KafkaBusOptions {
  readonly brokers: readonly string[]
  readonly service: string
  readonly links: Pick<Links, 'cross'>
  readonly topics: readonly { readonly topic: string; readonly partitions: number }[]
}

/** A broker that is away is tried again for as long as the process lives; each publish gives up earlier by itself. */
const retry = { retries: 60, initialRetryTime: 300, maxRetryTime: 5_000 }
const publishMsMax = 10_000
const heartbeatEveryMs = 1_000

export async function createKafkaBus(options: KafkaBusOptions): Promise<MessageBus & { close(): Promise<void> }> {
  const kafka = new Kafka({
    clientId: options.service,
    brokers: [...options.brokers],
    logLevel: logLevel.NOTHING,
    retry,
  })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: options.topics.map(({ topic, partitions }) => ({ topic, numPartitions: partitions })),
    waitForLeaders: true,
  })
  const producer = new SerialProducer(kafka.producer({ idempotent: true, maxInFlightRequests: 1 }))
  let consumer: GroupConsumer | undefined
  const { links } = options
  return {
    async publish(batch) {
      await links.cross('kafka')
      await producer.publish(batch)
    },
    async poll(topic, partition, group, maxMessages) {
      await links.cross('kafka')
      consumer ??= new GroupConsumer(kafka.consumer({ groupId: group }), options.topics)
      return consumer.poll(topic, partition, maxMessages)
    },
    async commit(topic, partition, _group, offset) {
      await consumer!.commit(topic, partition, offset)
    },
    async partitions(topic, group) {
      await links.cross('kafka')
      return partitionStates(admin, topic, group)
    },
    async close() {
      await consumer?.close()
      await producer.close()
      await admin.disconnect()
    },
  }
}

async function partitionStates(admin: Admin, topic: string, group: string): Promise<PartitionState[]> {
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return ends
      .map(({ partition, high, low }) => {
        const own = committed?.partitions.find((candidate) => candidate.partition === partition)
        // A group that has committed nothing yet begins with the oldest message that is kept.
        const committedOffset = own && Number(own.offset) >= 0 ? Number(own.offset) : Number(low)
        return { partition, endOffset: Number(high), committedOffset }
      })
      .sort((a, b) => a.partition - b.partition)
  } catch (error) {
    throw unavailable(error)
  }
}

/**
 * One awaited send at a time, with all that came meanwhile in it: an idempotent producer with concurrent sends loses
 * and doubles messages when the broker dies.
 */
class SerialProducer {
  readonly #producer: Producer
  #connected: Promise<void> | undefined
  #pending: { batch: OutgoingBatch; resolve(): void; reject(error: Error): void }[] = []
  #sending = false

  constructor(producer: Producer) {
    this.#producer = producer
  }

  publish(batch: OutgoingBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new DependencyError('kafka', 'timeout', `no answer from the broker within ${publishMsMax} ms`)),
        publishMsMax,
      )
      this.#pending.push({
        batch,
        resolve() {
          clearTimeout(timer)
          resolve()
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      })
      if (!this.#sending) void this.#send()
    })
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  async #send(): Promise<void> {
    this.#sending = true
    while (this.#pending.length > 0) {
      const taken = this.#pending
      this.#pending = []
      try {
        this.#connected ??= this.#producer.connect()
        await this.#connected
        const topics = [...new Set(taken.map(({ batch }) => batch.topic))]
        await this.#producer.sendBatch({
          topicMessages: topics.map((topic) => ({
            topic,
            messages: taken.filter(({ batch }) => batch.topic === topic).flatMap(({ batch }) => messagesOf(batch)),
          })),
        })
        for (const { resolve } of taken) resolve()
      } catch (error) {
        this.#connected = undefined
        for (const { reject } of taken) reject(unavailable(error))
      }
    }
    this.#sending = false
  }
}

function messagesOf({ key, count, tenantId, headers, value }: OutgoingBatch) {
  const text = JSON.stringify(value)
  // Only the first message carries the trace: one span a batch, as the services count it.
  return Array.from({ length: count }, (_, i) => ({
    key,
    value: text,
    headers: i === 0 ? { ...headers, 'tenant-id': tenantId } : { 'tenant-id': tenantId },
  }))
}

interface Queue {
  messages: KafkaMessage[]
  /** Tells the fetcher that everything was taken. */
  drained: (() => void) | undefined
  waiting: { resolve(): void; reject(error: Error): void } | undefined
}

/** kafkajs pushes, our consumers poll: a batch waits, with heartbeats, until it was polled. */
class GroupConsumer {
  readonly #consumer: Consumer
  readonly #queues = new Map<string, Queue>()
  readonly #started: Promise<void>

  constructor(consumer: Consumer, topics: readonly { readonly topic: string }[]) {
    this.#consumer = consumer
    consumer.on('consumer.crash', ({ payload }) => this.#fail(payload.error))
    this.#started = this.#start(topics.map(({ topic }) => topic))
  }

  async poll(topic: string, partition: number, maxMessages: number): Promise<MessageBatch[]> {
    try {
      await this.#started
    } catch (error) {
      throw unavailable(error)
    }
    const queue = this.#queue(topic, partition)
    if (queue.messages.length === 0) {
      await new Promise<void>((resolve, reject) => {
        queue.waiting = { resolve, reject }
      })
    }
    const taken = queue.messages.splice(0, maxMessages)
    if (queue.messages.length === 0) queue.drained?.()
    return batchesOf(topic, partition, taken)
  }

  async commit(topic: string, partition: number, offset: number): Promise<void> {
    try {
      await this.#consumer.commitOffsets([{ topic, partition, offset: String(offset) }])
    } catch (error) {
      throw unavailable(error)
    }
  }

  close(): Promise<void> {
    return this.#consumer.disconnect()
  }

  async #start(topics: string[]): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 16,
      eachBatch: (payload) => this.#take(payload),
    })
  }

  async #take({ batch, heartbeat, resolveOffset, isRunning, isStale }: EachBatchPayload): Promise<void> {
    if (batch.messages.length === 0) return
    const queue = this.#queue(batch.topic, batch.partition)
    // What is left of an assignment that was lost will be read again from the committed offset.
    queue.messages = [...batch.messages]
    let done = false
    const drained = new Promise<void>((resolve) => {
      queue.drained = () => {
        done = true
        resolve()
      }
    })
    queue.waiting?.resolve()
    queue.waiting = undefined
    while (!done && isRunning() && !isStale()) {
      await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, heartbeatEveryMs))])
      await heartbeat()
    }
    if (done) resolveOffset(batch.lastOffset())
    else queue.messages = []
  }

  #queue(topic: string, partition: number): Queue {
    const key = `${topic}/${partition}`
    let queue = this.#queues.get(key)
    if (!queue) {
      queue = { messages: [], drained: undefined, waiting: undefined }
      this.#queues.set(key, queue)
    }
    return queue
  }

  #fail(error: Error): void {
    for (const queue of this.#queues.values()) {
      queue.messages = []
      queue.waiting?.reject(unavailable(error))
      queue.waiting = undefined
    }
  }
}

/** Neighbouring messages of one tenant become one counted batch; one that carries a trace begins a new one. */
function batchesOf(topic: string, partition: number, messages: readonly KafkaMessage[]): MessageBatch[] {
  const batches: (MessageBatch & { count: number; poisoned: number })[] = []
  for (const message of messages) {
    const headers = Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
    )
    const tenantId = headers['tenant-id'] ?? 'none'
    const last = batches.at(-1)
    const value = parse(message.value)
    const poisoned = value === undefined ? 1 : 0
    if (last && last.tenantId === tenantId && headers.traceparent === undefined) {
      last.count += 1
      last.poisoned += poisoned
      continue
    }
    batches.push({
      topic,
      partition,
      offset: Number(message.offset),
      count: 1,
      tenantId,
      timestampMs: Number(message.timestamp),
      headers,
      value,
      poisoned,
    })
  }
  return batches
}

function parse(value: Buffer | null): unknown {
  try {
    return value === null ? undefined : JSON.parse(value.toString())
  } catch {
    return undefined
  }
}

function unavailable(error: unknown): DependencyError {
  if (error instanceof DependencyError) return error
  return new DependencyError('kafka', 'unavailable', (error as Error).message)
}
