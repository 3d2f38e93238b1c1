/** A neighbour writes so much into the cache server that useful keys are evicted. */
import { z } from 'zod'
import { bytesSchema, positiveSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'

export const cacheChurn = defineFault({
  name: 'cache.churn',
  description: 'A neighbour writes many keys into the cache server; when its memory is full, useful keys are evicted',
  schema: z.strictObject({
    target: z.strictObject({ cache: z.literal('redis') }),
    keysPerSecond: positiveSchema.max(100_000),
    bytesPerKey: bytesSchema,
  }),
  graded: true,
  start(world, { keysPerSecond, bytesPerKey }) {
    const cache = world.cache()
    return {
      setSeverity: (severity) => cache.churn(keysPerSecond * severity, bytesPerKey),
      stop: () => cache.churn(0, bytesPerKey),
    }
  },
  visible: () => [
    {
      what: 'cache misses a second',
      process: 'backend-api',
      metric: 'cache_misses_total',
      as: 'rate',
      direction: 'up',
    },
  ],
  describe: ({ keysPerSecond }) => `a neighbour writes ${keysPerSecond} keys a second into redis`,
})
