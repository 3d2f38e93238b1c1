/** Training jobs of a tenant fail. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { tenantTarget } from './fault-targets.ts'

export const trainingReasons = ['out_of_memory', 'data_missing', 'diverged', 'timeout'] as const

export const trainingFail = defineFault({
  name: 'training.fail',
  description: 'Training jobs that reach model_training while the event lasts fail for the given reason',
  schema: z.strictObject({ target: tenantTarget.optional(), reason: z.enum(trainingReasons) }),
  graded: false,
  start(world, { target, reason }) {
    const stop = world.inject({
      service: 'ml-engine',
      point: 'training',
      where: target?.tenant ? { tenant: target.tenant } : {},
      ratio: () => 1,
      spread: 'random',
      effect: () => ({
        error: { type: 'TrainingError', message: `training failed: ${reason.replaceAll('_', ' ')}`, reason },
      }),
    })
    return { setSeverity() {}, stop }
  },
  visible: ({ reason }) => [
    {
      what: 'failed training jobs',
      process: 'ml-engine',
      metric: 'training_job_failures_total',
      where: { reason },
      as: 'increase',
      direction: 'up',
    },
  ],
  describe: ({ target, reason }) =>
    `training of ${target?.tenant ? `tenant ${target.tenant}` : 'every tenant'} fails: ${reason}`,
})
