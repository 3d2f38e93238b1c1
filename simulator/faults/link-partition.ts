/** Two parts can't reach each other. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { linkTarget } from './fault-targets.ts'
import { visibleOnLink } from './link-effects.ts'

export const linkPartition = defineFault({
  name: 'link.partition',
  description: 'No call over a connection arrives; the caller waits for its time-out',
  schema: z.strictObject({ target: linkTarget }),
  graded: false,
  start(world, { target }) {
    const link = world.link(target.from, target.to)
    link.setPartitioned(true)
    return { setSeverity() {}, stop: () => link.setPartitioned(false) }
  },
  visible: ({ target }) => visibleOnLink(target, 'failing'),
  describe: ({ target }) => `${target.from} can't reach ${target.to}`,
})
