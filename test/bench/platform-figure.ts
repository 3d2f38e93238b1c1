/** How much faster than real time the whole platform runs: services, servers, exporters, load, scrapes, logs and spans. */
import { drillOf, simulate } from './bench-drills.ts'
import type { Figure } from './figure.ts'
import { timed } from './figure.ts'

const minutes = 30
const requestsPerSecond = 40

export const platformFigure: Figure = {
  name: 'platform',
  title: `the full platform at ${requestsPerSecond} requests/s, against real time`,
  async measure(bench) {
    // The first minutes compile the code; a drill of a day would not notice them.
    await simulate(drillOf('steady-state', 5), bench)
    const { processorSeconds: seconds } = await timed(() => simulate(drillOf('steady-state', minutes), bench))
    const idle = { ...drillOf('steady-state', minutes), load: [] }
    const { processorSeconds: idleSeconds } = await timed(() => simulate(idle, bench))
    const perRequestUs = ((seconds - idleSeconds) * 1e6) / (minutes * 60 * requestsPerSecond)
    return {
      value: (minutes * 60) / seconds,
      unit: 'x real time, by processor time',
      target: { least: 2000 },
      comparisons: [
        { to: 'the same platform without load (scrapes and jobs alone), in time', ratio: seconds / idleSeconds },
        { to: 'a request that takes 10 us with all its calls, in time', ratio: perRequestUs / 10 },
      ],
      profile: 'node --cpu-prof dist/test/bench/main.js --only platform',
    }
  },
}
