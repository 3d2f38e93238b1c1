/** A service's process stands still: it accepts connections and answers nobody. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { serviceTarget } from './fault-targets.ts'

export const serviceHang = defineFault({
  name: 'service.hang',
  description: 'The process of a service stands still: connections open, no answer comes (also not to a scrape)',
  schema: z.strictObject({ target: serviceTarget }),
  graded: false,
  start(world, { target }) {
    const process = world.process(target.service)
    process.freeze()
    return { setSeverity() {}, stop: () => process.thaw() }
  },
  visible: ({ target }) => [
    { what: `answers of ${target.service}`, process: target.service, metric: 'up', as: 'reachable', direction: 'down' },
  ],
  describe: ({ target }) => `${target.service} hangs`,
})
