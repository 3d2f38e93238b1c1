/** Something inside a container keeps its processor busy. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { containerTarget } from './fault-targets.ts'

export const cpuSaturation = defineFault({
  name: 'cpu.saturation',
  description: 'Something else inside a container keeps a share of its CPU limit busy: work takes longer, queues grow',
  schema: z.strictObject({
    target: containerTarget,
    share: ratioSchema.describe('Share of the CPU limit that is taken'),
  }),
  graded: true,
  start(world, { target, share }) {
    const container = world.container(target.container)
    return {
      setSeverity: (severity) => container.stealCpu(share * severity),
      stop: () => container.stealCpu(0),
    }
  },
  visible: ({ target }) => [
    {
      what: `CPU of ${target.container}`,
      process: 'cadvisor',
      metric: 'container_cpu_usage_seconds_total',
      where: { name: target.container },
      as: 'rate',
      direction: 'up',
    },
  ],
  describe: ({ target, share }) => `${share * 100} % of the CPU limit of ${target.container} is taken`,
})
