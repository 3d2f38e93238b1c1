/** A service's process restarts once: down for a moment, then counters start anew. */
import { z } from 'zod'
import { durationSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { serviceTarget } from './fault-targets.ts'

export const serviceRestart = defineFault({
  name: 'service.restart',
  description:
    'The process of a service restarts: away for the down time, then a new process whose counters start anew',
  schema: z.strictObject({
    target: serviceTarget,
    downtime: durationSchema.default(20_000).describe('How long the service is away, 20s when left out'),
  }),
  graded: false,
  start(world, { target, downtime }) {
    const process = world.process(target.service)
    process.kill()
    const cancel = world.later(downtime, () => process.start())
    return {
      setSeverity() {},
      stop() {
        cancel()
        process.start()
      },
    }
  },
  visible: ({ target }) => [
    {
      what: `start time of ${target.service}`,
      process: target.service,
      metric: 'process_start_time_seconds',
      as: 'max',
      direction: 'up',
      // The start time is a Unix time: a later start is a tiny share of it, but never equal.
      least: 1e-9,
    },
  ],
  describe: ({ target }) => `${target.service} restarts`,
})
