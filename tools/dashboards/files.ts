/** The dashboard files and their page, as the builders give them: path inside the repository to text. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { apiPerformance } from './api-performance.ts'
import { businessMetrics } from './business-metrics.ts'
import { costPage } from './cost.ts'
import { documentation, documentationPath } from './documentation.ts'
import { firedrill } from './firedrill.ts'
import { mlEngine } from './ml-engine.ts'
import { slo } from './slo.ts'
import { systemHealth } from './system-health.ts'

export function dashboards(): Dashboard[] {
  return [systemHealth(), apiPerformance(), mlEngine(), businessMetrics(), costPage(), firedrill(), slo()]
}

export function dashboardFiles(): Record<string, string> {
  const pages = dashboards()
  const files = pages.map((dashboard) => [
    `observability/grafana/dashboards/${dashboard.uid}.json`,
    `${JSON.stringify(dashboard, undefined, 2)}\n`,
  ])
  return Object.fromEntries([...files, [documentationPath, documentation(pages)]])
}
