/** A connection between two parts takes longer, both ways. */
import { z } from 'zod'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { durationSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { linkTarget } from './fault-targets.ts'
import { visibleOnLink } from './link-effects.ts'

export const linkLatency = defineFault({
  name: 'link.latency',
  description: 'Each call over a connection takes longer by the given time',
  schema: z.strictObject({
    target: linkTarget,
    add: durationSchema.describe('Added to each call, there and back together'),
  }),
  graded: true,
  start(world, { target, add }) {
    const link = world.link(target.from, target.to)
    let added = 0
    const set = (ms: number) => {
      link.addLatency(ms - added)
      added = ms
    }
    return { setSeverity: (severity) => set(add * severity), stop: () => set(0) }
  },
  visible: ({ target }) => visibleOnLink(target, 'slower'),
  describe: ({ target, add }) => `${target.from} to ${target.to} slower by ${formatDurationMs(add)}`,
})
