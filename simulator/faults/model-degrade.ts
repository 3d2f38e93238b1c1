/** The model of a tenant gets worse (its data drifted). */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { tenantTarget } from './fault-targets.ts'

export const modelDegrade = defineFault({
  name: 'model.degrade',
  description: 'The data of a tenant drifts: its deployed model and those trained meanwhile are worse',
  schema: z.strictObject({
    target: tenantTarget.optional(),
    quality: ratioSchema.describe('What remains of the quality'),
  }),
  graded: true,
  start(world, { target, quality }) {
    let current = 0
    const stop = world.inject({
      service: 'ml-engine',
      point: 'model-quality',
      where: target?.tenant ? { tenant: target.tenant } : {},
      ratio: () => 1,
      spread: 'random',
      effect: () => ({ quality: 1 - (1 - quality) * current }),
    })
    return {
      setSeverity(severity) {
        current = severity
      },
      stop,
    }
  },
  visible: ({ target }) => [
    {
      what: 'NDCG@10',
      process: 'ml-engine',
      metric: 'model_quality_ndcg_at_10',
      ...(target?.tenant && { where: { tenant_id: target.tenant } }),
      // The worst version: one that was replaced keeps what it had.
      as: 'min',
      direction: 'down',
      least: 0.02,
    },
  ],
  describe: ({ target, quality }) =>
    `models of ${target?.tenant ? `tenant ${target.tenant}` : 'every tenant'} keep ${quality * 100} % of their quality`,
})
