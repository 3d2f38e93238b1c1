/** What a live process says of its own telemetry: how much there was of each signal, and what of it was lost and why. */
import type { Registry } from 'prom-client'
import { defineCounter, registerMetrics } from './metrics.ts'
import { guardSeries } from './series-guard.ts'

export const telemetryMetrics = {
  generated: defineCounter('telemetry_records_total', 'Log lines and spans that the process generated', ['signal']),
  lost: defineCounter('telemetry_lost_total', 'Log lines and spans that were lost on their way, by reason', [
    'signal',
    'reason',
  ]),
  overflow: defineCounter('telemetry_series_overflow_total', 'Times that a label set was one too many for its metric', [
    'metric',
  ]),
} as const

export interface TelemetryFacts {
  readonly signal: 'logs' | 'spans'
  readonly generated: number
  readonly lost: Readonly<Record<string, number>>
}

/** Label sets that a metric of a live process takes before the guard turns more away. */
export const labelSetsMaxDefault = 2_000

/**
 * Guards the registry and registers the metrics. Call it before other metrics are registered.
 * @returns brings the counters up to date
 */
export function registerTelemetryMetrics(
  registry: Registry,
  facts: () => readonly TelemetryFacts[],
  labelSetsMax = labelSetsMaxDefault,
): () => void {
  const metrics = registerMetrics(telemetryMetrics, registry)
  const onOverflow = (metric: string) => metrics.overflow.inc({ metric })
  guardSeries(registry, { setsMax: labelSetsMax, onOverflow })
  const shown = new Map<string, number>()
  const rise = (key: string, total: number): number => {
    const by = total - (shown.get(key) ?? 0)
    shown.set(key, total)
    return by
  }
  return () => {
    for (const { signal, generated, lost } of facts()) {
      metrics.generated.inc({ signal }, rise(signal, generated))
      for (const [reason, total] of Object.entries(lost)) {
        metrics.lost.inc({ signal, reason }, rise(`${signal} ${reason}`, total))
      }
    }
  }
}

/** For people, one line a signal that lost something: `12 spans could not be delivered (12 buffer-full)`. */
export function lostText(facts: readonly TelemetryFacts[]): string[] {
  return facts.flatMap(({ signal, lost }) => {
    const reasons = Object.entries(lost).filter(([, count]) => count > 0)
    if (reasons.length === 0) return []
    const total = reasons.reduce((sum, [, count]) => sum + count, 0)
    const what = signal === 'logs' ? 'log lines' : 'spans'
    return [
      `${total} ${what} could not be delivered (${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')})`,
    ]
  })
}
