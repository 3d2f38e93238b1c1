/** A service's process dies and stays away until the event ends. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { serviceTarget } from './fault-targets.ts'

export const serviceCrash = defineFault({
  name: 'service.crash',
  description: 'The process of a service dies and stays away until the event ends; then it starts anew',
  schema: z.strictObject({ target: serviceTarget }),
  graded: false,
  start(world, { target }) {
    const process = world.process(target.service)
    process.kill()
    return { setSeverity() {}, stop: () => process.start() }
  },
  visible: ({ target }) => [
    { what: `answers of ${target.service}`, process: target.service, metric: 'up', as: 'reachable', direction: 'down' },
  ],
  describe: ({ target }) => `${target.service} is down`,
})
