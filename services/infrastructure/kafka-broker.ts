/** A Kafka broker: topics, partitions, offsets. Messages move as counted batches; a batch may be split when it is read. */
import type { LatencyProfile, MessageBatch, OutgoingBatch, PartitionState } from '../runtime/ports.ts'
import type { Container } from './container.ts'
import type { Host } from './host.ts'

export interface KafkaOptions {
  readonly publish: LatencyProfile
  readonly cpuPerMessageMs: number
  readonly topics: readonly { readonly topic: string; readonly partitions: number }[]
}

interface Partition {
  batches: MessageBatch[]
  /** Position of the first batch that is not read yet by the (only) group. */
  head: number
  endOffset: number
  readOffset: number
  committedOffset: number
  waiting: (() => void)[]
}

/** The log on disk is deleted in segments of this length. */
const segmentMs = 600_000

export class KafkaBroker {
  readonly options: KafkaOptions
  readonly container: Container
  #running = true
  #epoch = 0
  readonly #topics = new Map<string, Partition[]>()
  readonly #host: Host
  readonly #segments: { endMs: number; bytes: number }[] = []
  readonly #poisonCarry = new Map<string, number>()
  readonly #poisonRatio = new Map<string, number>()

  constructor(options: KafkaOptions, container: Container, host: Host) {
    this.options = options
    this.container = container
    this.#host = host
    for (const { topic, partitions } of options.topics) {
      this.#topics.set(
        topic,
        Array.from({ length: partitions }, () => ({
          batches: [],
          head: 0,
          endOffset: 0,
          readOffset: 0,
          committedOffset: 0,
          waiting: [],
        })),
      )
    }
  }

  get running(): boolean {
    return this.#running
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The log is on disk: a restart loses no message. Who waits for messages is woken to find the broker gone. */
  stop(): void {
    if (!this.#running) return
    this.#running = false
    this.#epoch += 1
    this.container.processEnded()
    this.#wakeAll()
  }

  start(): void {
    this.#running = true
    // A consumer that was cut off reads again from its last committed offset.
    this.rewind()
  }

  partitionsOf(topic: string): number {
    return this.#partitions(topic).length
  }

  /** @throws DependencyError of kind disk-full */
  append(partition: number, batch: OutgoingBatch, timestampMs: number): void {
    const target = this.#partitions(batch.topic)[partition]!
    this.#host.write(this.container, '/data/kafka', batch.bytes)
    this.#keepOnDisk(batch.bytes, timestampMs)
    this.container.accountCpu(this.options.cpuPerMessageMs * batch.count)
    target.batches.push({
      topic: batch.topic,
      partition,
      offset: target.endOffset,
      count: batch.count,
      tenantId: batch.tenantId,
      timestampMs,
      headers: batch.headers,
      value: batch.value,
      poisoned: this.#poisonedOf(batch.topic, partition, batch.count),
    })
    target.endOffset += batch.count
    wake(target)
  }

  /** Deletes the segments of the log that are older, and gives their space back. */
  deleteBefore(timeMs: number): void {
    const filesystem = this.#host.filesystemOf('/data/kafka')
    while (this.#segments.length > 0 && this.#segments[0]!.endMs < timeMs)
      filesystem.free(this.#segments.shift()!.bytes)
  }

  #keepOnDisk(bytes: number, timestampMs: number): void {
    const last = this.#segments.at(-1)
    if (last && timestampMs < last.endMs) last.bytes += bytes
    else this.#segments.push({ endMs: timestampMs + segmentMs, bytes })
  }

  /** The next messages, without moving the committed offset. */
  read(topic: string, partition: number, maxMessages: number): MessageBatch[] {
    const source = this.#partitions(topic)[partition]!
    const taken: MessageBatch[] = []
    let room = maxMessages
    while (room > 0 && source.head < source.batches.length) {
      const batch = source.batches[source.head]!
      if (batch.count <= room) {
        taken.push(batch)
        source.head += 1
        source.readOffset = batch.offset + batch.count
        room -= batch.count
      } else {
        const [first, rest] = split(batch, room)
        taken.push(first)
        // Both parts stay: a consumer that dies before it commits reads the first one again.
        source.batches.splice(source.head, 1, first, rest)
        source.head += 1
        source.readOffset = rest.offset
        room = 0
      }
    }
    if (source.head > 1024 && source.head * 2 > source.batches.length) {
      // What is committed can't be read again; what is read but not committed must stay.
      const keep = source.batches.findIndex((batch) => batch.offset + batch.count > source.committedOffset)
      const drop = Math.min(source.head, keep < 0 ? source.head : keep)
      source.batches = source.batches.slice(drop)
      source.head -= drop
    }
    return taken
  }

  hasMessages(topic: string, partition: number): boolean {
    const source = this.#partitions(topic)[partition]!
    return source.head < source.batches.length
  }

  /** Calls back once, when there are messages or the broker goes away. */
  onMessages(topic: string, partition: number, callback: () => void): void {
    this.#partitions(topic)[partition]!.waiting.push(callback)
  }

  commit(topic: string, partition: number, offset: number): void {
    const target = this.#partitions(topic)[partition]!
    target.committedOffset = Math.max(target.committedOffset, offset)
  }

  states(topic: string): PartitionState[] {
    return this.#partitions(topic).map((partition, index) => ({
      partition: index,
      endOffset: partition.endOffset,
      committedOffset: partition.committedOffset,
    }))
  }

  /** The group's members are gone: whoever comes next reads from the committed offsets. */
  rewind(): void {
    for (const partitions of this.#topics.values()) {
      for (const partition of partitions) {
        let head = 0
        while (head < partition.batches.length) {
          const batch = partition.batches[head]!
          if (batch.offset + batch.count > partition.committedOffset) break
          head += 1
        }
        partition.head = head
        partition.waiting = []
      }
    }
  }

  /** Share of newly produced messages that no consumer can read. */
  poison(topic: string, ratio: number, partitions: readonly number[] | undefined): void {
    this.#partitions(topic).forEach((_, index) => {
      if (partitions === undefined || partitions.includes(index)) this.#poisonRatio.set(`${topic}/${index}`, ratio)
    })
  }

  #poisonedOf(topic: string, partition: number, count: number): number {
    const key = `${topic}/${partition}`
    const ratio = this.#poisonRatio.get(key) ?? 0
    if (ratio === 0) return 0
    const exact = count * ratio + (this.#poisonCarry.get(key) ?? 0)
    const whole = Math.floor(exact)
    this.#poisonCarry.set(key, exact - whole)
    return whole
  }

  #partitions(topic: string): Partition[] {
    const partitions = this.#topics.get(topic)
    if (!partitions) throw new Error(`the broker has no topic "${topic}"`)
    return partitions
  }

  #wakeAll(): void {
    for (const partitions of this.#topics.values()) partitions.forEach(wake)
  }
}

function wake(partition: Partition): void {
  const { waiting } = partition
  if (waiting.length === 0) return
  partition.waiting = []
  for (const callback of waiting) callback()
}

function split(batch: MessageBatch, count: number): [MessageBatch, MessageBatch] {
  const poisonedFirst = Math.min(batch.poisoned, Math.round((batch.poisoned * count) / batch.count))
  return [
    { ...batch, count, poisoned: poisonedFirst },
    { ...batch, offset: batch.offset + count, count: batch.count - count, poisoned: batch.poisoned - poisonedFirst },
  ]
}
