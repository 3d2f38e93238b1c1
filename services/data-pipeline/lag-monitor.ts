/** Asks the broker how far each partition's consumer is behind, and says so when it is far. */
import type { BackgroundLoop } from '../runtime/define-service.ts'
import { DependencyError, type Ports } from '../runtime/ports.ts'
import type { DataPipelineConfig } from './config.ts'
import { consumerGroup } from './consumers.ts'
import type { DataPipelineMetrics } from './metrics.ts'

const everyMs = 5_000
const lagMax = 10_000
/** A lag that stays high is mentioned again after this time. */
const repeatMs = 300_000

export function createLagMonitor(
  ports: Ports,
  config: DataPipelineConfig,
  metrics: DataPipelineMetrics,
): BackgroundLoop {
  const { bus, clock } = ports
  const log = ports.logger.child('lag')
  const mentionedAtMs = new Map<string, number>()

  function watch(topic: string, partition: number, lag: number): void {
    const key = `${topic}/${partition}`
    if (lag <= lagMax) {
      mentionedAtMs.delete(key)
      return
    }
    const lastMs = mentionedAtMs.get(key)
    if (lastMs !== undefined && clock.nowMs() - lastMs < repeatMs) return
    mentionedAtMs.set(key, clock.nowMs())
    log.warn('consumer_lag_high', `${consumerGroup} is ${lag} messages behind on ${key}`, {
      topic,
      partition,
      consumer_group: consumerGroup,
      lag,
      threshold: lagMax,
    })
  }

  return {
    name: 'lag-monitor',
    async run() {
      for (;;) {
        try {
          for (const { topic } of config.topics) {
            for (const { partition, endOffset, committedOffset } of await bus.partitions(topic, consumerGroup)) {
              const lag = endOffset - committedOffset
              metrics.lag.set({ topic, partition: String(partition), consumer_group: consumerGroup }, lag)
              watch(topic, partition, lag)
            }
          }
        } catch (error) {
          // Without the broker nothing is known of the lag; the gauges keep what was known last. The consumers say it.
          if (!(error instanceof DependencyError)) throw error
        }
        await clock.sleep(everyMs)
      }
    },
  }
}
