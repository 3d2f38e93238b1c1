/** A container's process leaks memory until the kernel kills it at the limit. */
import { z } from 'zod'
import { bytesSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { containerTarget } from './fault-targets.ts'

export const memoryLeak = defineFault({
  name: 'memory.leak',
  description: 'The process in a container leaks memory; at the limit it is killed and restarted, and leaks again',
  schema: z.strictObject({ target: containerTarget, perMinute: bytesSchema.describe('What leaks in a minute') }),
  graded: true,
  start(world, { target, perMinute }) {
    const container = world.container(target.container)
    return {
      setSeverity: (severity) => container.leak((perMinute / 60) * severity),
      stop: () => container.leak(0),
    }
  },
  visible: ({ target }) => [
    {
      what: `memory of ${target.container}`,
      process: 'cadvisor',
      metric: 'container_memory_usage_bytes',
      where: { name: target.container },
      as: 'value',
      direction: 'up',
      least: 0.05,
    },
  ],
  describe: ({ target, perMinute }) => `${target.container} leaks ${Math.round(perMinute / 1024 ** 2)} MiB a minute`,
})
