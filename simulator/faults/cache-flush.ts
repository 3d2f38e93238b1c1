/** Somebody empties the cache server, once or again and again. */
import { z } from 'zod'
import { durationSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'

export const cacheFlush = defineFault({
  name: 'cache.flush',
  description: 'The cache server is emptied, at the start of the event and then at each interval',
  schema: z.strictObject({
    target: z.strictObject({ cache: z.literal('redis') }),
    every: durationSchema.optional().describe('Again after each such time; once when left out'),
  }),
  graded: false,
  start(world, { every }) {
    const cache = world.cache()
    cache.flush()
    const stop = every ? world.repeat(every, () => cache.flush()) : () => {}
    return { setSeverity() {}, stop }
  },
  visible: () => [
    {
      what: 'cache misses a second',
      process: 'backend-api',
      metric: 'cache_misses_total',
      as: 'rate',
      direction: 'up',
      least: 0.1,
    },
  ],
  describe: ({ every }) => (every ? 'redis is emptied again and again' : 'redis is emptied'),
})
