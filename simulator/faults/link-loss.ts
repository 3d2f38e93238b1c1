/** Some calls over a connection get lost: the caller waits for its time-out. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { linkTarget } from './fault-targets.ts'
import { visibleOnLink } from './link-effects.ts'

export const linkLoss = defineFault({
  name: 'link.loss',
  description: 'A share of the calls over a connection gets lost; the caller waits for its time-out',
  schema: z.strictObject({ target: linkTarget, ratio: ratioSchema }),
  graded: true,
  start(world, { target, ratio }) {
    const link = world.link(target.from, target.to)
    return { setSeverity: (severity) => link.setLoss(ratio * severity), stop: () => link.setLoss(0) }
  },
  visible: ({ target }) => visibleOnLink(target, 'failing'),
  describe: ({ target, ratio }) => `${target.from} to ${target.to} loses ${ratio * 100} % of the calls`,
})
