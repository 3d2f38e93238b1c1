/** The job that refreshes the embedding cache stands still, so the cache ages. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'

export const embeddingRefreshStall = defineFault({
  name: 'embedding.refresh-stall',
  description: 'The job that refreshes the embedding cache does not run, so the cache ages',
  schema: z.strictObject({ target: z.strictObject({ service: z.literal('ml-engine') }) }),
  graded: false,
  start(world) {
    const stop = world.inject({
      service: 'ml-engine',
      point: 'embedding-refresh',
      where: {},
      ratio: () => 1,
      spread: 'random',
      effect: () => ({ stall: true }),
    })
    return { setSeverity() {}, stop }
  },
  visible: () => [
    {
      what: 'seconds since the embedding cache was updated',
      process: 'ml-engine',
      metric: 'embedding_cache_last_update_timestamp',
      as: 'age',
      direction: 'up',
      // Between two refreshes the age swings by itself.
      least: 0.5,
    },
  ],
  describe: () => 'the embedding cache is not refreshed',
})
