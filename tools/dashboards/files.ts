/** The dashboard files as the builders give them: path inside the repository to text. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { apiPerformance } from './api-performance.ts'
import { businessMetrics } from './business-metrics.ts'
import { firedrill } from './firedrill.ts'
import { mlEngine } from './ml-engine.ts'
import { slo } from './slo.ts'
import { systemHealth } from './system-health.ts'

export function dashboards(): Dashboard[] {
  return [systemHealth(), apiPerformance(), mlEngine(), businessMetrics(), firedrill(), slo()]
}

export function dashboardFiles(): Record<string, string> {
  return Object.fromEntries(
    dashboards().map((dashboard) => [
      `observability/grafana/dashboards/${dashboard.uid}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  )
}
