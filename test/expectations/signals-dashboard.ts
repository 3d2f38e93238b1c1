/** A dashboard whose panels ask Loki and Jaeger. */
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import { loadDashboard } from '../../simulator/dashboards/load-dashboard.ts'
import { testEngine } from '../drill/run-scenario.ts'

export async function signalsDashboard(): Promise<Dashboard> {
  const panel = (title: string, type: string, target: object) => ({
    title,
    type: 'timeseries',
    gridPos: { x: 0, y: 0, w: 12, h: 8 },
    datasource: { type, uid: type },
    targets: [{ refId: 'A', ...target }],
  })
  const text = JSON.stringify({
    uid: 'signals',
    title: 'Signals',
    schemaVersion: 42,
    templating: {
      list: [{ name: 'service', type: 'query', query: 'label_values(up, job)', multi: true, includeAll: true }],
    },
    panels: [
      panel('Errors', 'loki', {
        expr: 'sum by (service) (count_over_time({service=~"$service", level="error"}[$__auto]))',
      }),
      panel('Lines', 'loki', { expr: '{service="data-pipeline"}', queryType: 'range' }),
      panel('Requests', 'jaeger', { queryType: 'search', service: 'backend-api', operation: 'all' }),
    ],
  })
  const { dashboard } = loadDashboard('signals.json', text, { engine: await testEngine(), dataSources: [] })
  return dashboard!
}
