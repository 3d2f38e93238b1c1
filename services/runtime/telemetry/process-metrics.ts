/** What every Prometheus client library shows of its own process. */
import type { Registry } from 'prom-client'
import { defineCounter, defineGauge, registerMetrics } from './metrics.ts'

export const processMetricDefinitions = {
  startTime: defineGauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.'),
  cpu: defineCounter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.'),
  memory: defineGauge('process_resident_memory_bytes', 'Resident memory size in bytes.'),
} as const

export interface ProcessFacts {
  readonly startTimeS: number
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** @returns brings the metrics up to date */
export function registerProcessMetrics(registry: Registry, facts: () => ProcessFacts): () => void {
  const metrics = registerMetrics(processMetricDefinitions, registry)
  let cpuShown = 0
  return () => {
    const { startTimeS, cpuSeconds, residentBytes } = facts()
    metrics.startTime.set(startTimeS)
    metrics.memory.set(residentBytes)
    if (cpuSeconds > cpuShown) {
      metrics.cpu.inc(cpuSeconds - cpuShown)
      cpuShown = cpuSeconds
    }
  }
}
