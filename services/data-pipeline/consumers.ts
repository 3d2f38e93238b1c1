/** Consumers: one for each partition. Reads, validates, stores, commits; what can't be read is rejected and counted. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { createDependencyHealth } from '../runtime/dependency-health.ts'
import { DependencyError, type MessageBatch, type Ports } from '../runtime/ports.ts'
import { createJobContext } from '../runtime/request-context.ts'
import { parseTraceparent, type Span, SpanKind } from '../runtime/telemetry/tracing.ts'
import type { TenantUsage } from '../runtime/tenant-usage.ts'
import type { DataPipelineConfig, TopicConfig } from './config.ts'
import type { DataPipelineMetrics } from './metrics.ts'

export const consumerGroup = 'recommender-pipeline'
/** How soon a consumer that stands still looks again. */
const stalledMs = 2_000
const retryMsMin = 1_000
const retryMsMax = 15_000
/** Rejected messages are logged at most this often for each topic; each line says how many there were since the last. */
const rejectedLogMs = 30_000
const validationErrorTypes = ['missing_item', 'unknown_user'] as const
/** Processor share of the processing time; the rest waits for the database. */
const cpuShare = 0.35

type Health = ReturnType<typeof createDependencyHealth>

export function createConsumers(
  ports: Ports,
  config: DataPipelineConfig,
  metrics: DataPipelineMetrics,
  usage: TenantUsage,
): BackgroundLoop[] {
  const health = createDependencyHealth(ports)
  return config.topics.flatMap((topic) => {
    const reject = createRejectedLog(ports, topic.topic)
    return Array.from({ length: topic.partitions }, (_, partition) =>
      createConsumer(ports, config, metrics, usage, topic, partition, reject, health),
    )
  })
}

function createConsumer(
  ports: Ports,
  config: DataPipelineConfig,
  metrics: DataPipelineMetrics,
  usage: TenantUsage,
  topic: TopicConfig,
  partition: number,
  reject: (batch: MessageBatch, errorType: string, count: number) => void,
  health: Health,
): BackgroundLoop {
  const { bus, clock, faults, tracer } = ports
  const tags = { topic: topic.topic, partition: String(partition) }
  const rng = ports.rng.fork(`consumer/${topic.topic}/${partition}`)
  const ids = rng.fork('ids')
  let invalidCarry = 0

  /** Processes what one poll gave. @throws DependencyError */
  async function process(batches: readonly MessageBatch[], slowdown: number): Promise<void> {
    const startMs = clock.nowMs()
    const count = batches.reduce((sum, batch) => sum + batch.count, 0)
    const spans = startSpans(batches)
    try {
      const fullMs = (count / topic.messagesPerSecond) * 1000 * slowdown
      const cpuMs = (count / topic.messagesPerSecond) * 1000 * cpuShare
      await ports.cpu.work(cpuMs)
      let stored = 0
      const tenantRows: Record<string, number> = {}
      for (const batch of batches) {
        const rows = validate(batch)
        stored += rows
        tenantRows[batch.tenantId] = (tenantRows[batch.tenantId] ?? 0) + rows
        usage.compute(batch.tenantId, (cpuMs * batch.count) / count)
      }
      if (stored > 0) {
        await ports.database.query(
          {
            type: 'insert',
            table: topic.topic.replaceAll('-', '_'),
            statement: `INSERT INTO ${topic.topic.replaceAll('-', '_')} SELECT * FROM unnest($1::jsonb[])`,
            rows: stored,
            weight: 1 + stored / 400,
            tenantRows,
          },
          // One query stores what the poll gave; it can be below one span only.
          { span: spans[0] },
        )
      }
      const restMs = fullMs - (clock.nowMs() - startMs)
      if (restMs > 0) await clock.sleep(restMs)
      const last = batches.at(-1)!
      const nextOffset = last.offset + last.count
      await bus.commit(topic.topic, partition, consumerGroup, nextOffset)
      metrics.offset.set(tags, nextOffset)
      metrics.consumed.inc({ topic: topic.topic, consumer_group: consumerGroup }, count)
      metrics.processingDuration.observe({ topic: topic.topic }, Math.round((clock.nowMs() - startMs) * 1000) / 1e6)
      for (const span of spans) span.end()
    } catch (error) {
      for (const span of spans) {
        span.fail(error as Error)
        span.end()
      }
      throw error
    }
  }

  /** Counts what of a batch is stored and what is not. @returns messages to store */
  function validate(batch: MessageBatch): number {
    if (batch.poisoned > 0) {
      metrics.processingErrors.inc({ topic: topic.topic, error_type: 'deserialization' }, batch.poisoned)
      reject(batch, 'deserialization', batch.poisoned)
    }
    const readable = batch.count - batch.poisoned
    invalidCarry += readable * topic.rejected * (0.5 + rng.next())
    const invalid = Math.min(readable, Math.floor(invalidCarry))
    invalidCarry -= invalid
    if (invalid > 0) {
      const error_type = rng.pick(validationErrorTypes)
      metrics.validationErrors.inc({ tenant_id: batch.tenantId, error_type }, invalid)
      reject(batch, error_type, invalid)
    }
    const stored = readable - invalid
    if (stored > 0) metrics.ingested.inc({ tenant_id: batch.tenantId, data_type: topic.topic }, stored)
    return stored
  }

  /** One span for each batch whose producer was traced, linked to the producing span. */
  function startSpans(batches: readonly MessageBatch[]): Span[] {
    const spans: Span[] = []
    for (const batch of batches) {
      const { traceparent } = batch.headers
      if (!traceparent || !parseTraceparent(traceparent)) continue
      const context = createJobContext(ids, { tenantId: batch.tenantId, sampled: true })
      spans.push(
        tracer.startRoot('kafka.consume', context.traceId, {
          kind: SpanKind.CONSUMER,
          links: [traceparent],
          attributes: {
            'messaging.system': 'kafka',
            'messaging.destination.name': topic.topic,
            'messaging.destination.partition.id': String(partition),
            'messaging.batch.message_count': batch.count,
            'tenant.id': batch.tenantId,
          },
        }),
      )
    }
    return spans
  }

  async function run(): Promise<void> {
    let retryMs = retryMsMin
    let pending: readonly MessageBatch[] = []
    for (;;) {
      const effect = faults.at('consumer', tags)
      if (effect?.stall) {
        await clock.sleep(stalledMs)
        continue
      }
      try {
        if (pending.length === 0) {
          pending = await bus.poll(topic.topic, partition, consumerGroup, config.pollMessagesMax)
          health.reached('kafka')
          // What arrived while nobody was stalled may be worked off under a stall that began since.
          if (faults.at('consumer', tags)?.stall) continue
        }
        if (pending.length > 0) await process(pending, effect?.slowdown ?? 1)
        pending = []
        health.reached('postgres')
        retryMs = retryMsMin
        await clock.sleep(config.pollEvery)
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error
        health.failed(error, error.dependency)
        if (error.dependency === 'kafka') pending = []
        else metrics.processingErrors.inc({ topic: topic.topic, error_type: 'database_unavailable' })
        await clock.sleep(retryMs)
        retryMs = Math.min(retryMs * 2, retryMsMax)
      }
    }
  }

  return { name: `consumer/${topic.topic}/${partition}`, run }
}

function createRejectedLog(ports: Ports, topic: string) {
  const log = ports.logger.child('consumer')
  const ids = ports.rng.fork(`rejected-log/${topic}`)
  const state = new Map<string, { loggedAtMs: number; count: number }>()
  return (batch: MessageBatch, errorType: string, count: number): void => {
    const nowMs = ports.clock.nowMs()
    const entry = state.get(errorType) ?? { loggedAtMs: Number.NEGATIVE_INFINITY, count: 0 }
    state.set(errorType, entry)
    entry.count += count
    if (nowMs - entry.loggedAtMs < rejectedLogMs) return
    log.warn(
      'message_rejected',
      `${entry.count} messages of ${topic} rejected: ${errorType}`,
      { topic, partition: batch.partition, offset: batch.offset, error_type: errorType, count: entry.count },
      createJobContext(ids, { tenantId: batch.tenantId, sampled: false }),
    )
    entry.loggedAtMs = nowMs
    entry.count = 0
  }
}
