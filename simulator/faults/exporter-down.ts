/** An exporter is away although what it reports about lives. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { exporterNames } from './fault-targets.ts'

export const exporterDown = defineFault({
  name: 'exporter.down',
  description: 'An exporter (or Loki, Jaeger) answers no scrape, although what it reports about lives',
  schema: z.strictObject({ target: z.strictObject({ exporter: z.enum(exporterNames) }) }),
  graded: false,
  start(world, { target }) {
    const process = world.process(target.exporter)
    process.kill()
    return { setSeverity() {}, stop: () => process.start() }
  },
  visible: ({ target }) => [
    {
      what: `answers of ${target.exporter}`,
      process: target.exporter,
      metric: 'up',
      as: 'reachable',
      direction: 'down',
    },
  ],
  describe: ({ target }) => `${target.exporter} is down`,
})
