/** What it costs to judge the dashboards, too: processor time of the same drills with and without them. */
import { join } from 'node:path'
import { loadDashboards } from '../../simulator/dashboards/load-dashboards.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { runBy, shippedDrillOf } from './bench-drills.ts'
import type { Bench, Figure } from './figure.ts'
import { timed } from './figure.ts'

const scenarios = ['kafka-lag-spike', 'service-down', 'database-outage']
/** Once is not enough where a collection of garbage falls into one of the two. */
const rounds = 2

export const panelFigure: Figure = {
  name: 'panels',
  title: `panels of all dashboards judged in ${scenarios.join(', ')}`,
  async measure(bench) {
    const folder = join(packageRoot(), 'observability', 'grafana', 'dashboards')
    const { dashboards } = loadDashboards(folder, bench.engine, fileSource)
    await runBy('embedded', shippedDrillOf('service-down'), { ...bench, dashboards })
    let without = 0
    let withPanels = 0
    for (let round = 0; round < rounds; round += 1) {
      without += await processorSeconds(bench)
      withPanels += await processorSeconds({ ...bench, dashboards })
    }
    return {
      value: (withPanels / without - 1) * 100,
      unit: '% more processor time than without dashboards',
      target: { most: 30 },
      comparisons: [{ to: 'the same drills without dashboards', ratio: withPanels / without }],
      profile: 'node --cpu-prof dist/test/bench/main.js --only panels',
    }
  },
}

async function processorSeconds(bench: Parameters<typeof runBy>[2] & Bench): Promise<number> {
  const { processorSeconds: seconds } = await timed(async () => {
    for (const scenario of scenarios) await runBy('embedded', shippedDrillOf(scenario), bench)
  })
  return seconds
}
