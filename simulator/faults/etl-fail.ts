/** Runs of an ETL job fail. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { etlJobNames } from './fault-targets.ts'

export const etlReasons = ['source_unavailable', 'schema_mismatch', 'timeout', 'constraint_violation'] as const

export const etlFail = defineFault({
  name: 'etl.fail',
  description: 'Runs of an ETL job that reach the transform step while the event lasts fail for the given reason',
  schema: z.strictObject({ target: z.strictObject({ job: z.enum(etlJobNames) }), reason: z.enum(etlReasons) }),
  graded: false,
  start(world, { target, reason }) {
    const stop = world.inject({
      service: 'data-pipeline',
      point: 'etl',
      where: { job: target.job },
      ratio: () => 1,
      spread: 'random',
      effect: () => ({
        error: { type: 'EtlError', message: `${target.job} failed: ${reason.replaceAll('_', ' ')}`, reason },
      }),
    })
    return { setSeverity() {}, stop }
  },
  visible: ({ target }) => [
    {
      what: `failed runs of ${target.job}`,
      process: 'data-pipeline',
      metric: 'etl_job_failures_total',
      where: { job_name: target.job },
      as: 'increase',
      direction: 'up',
    },
  ],
  describe: ({ target, reason }) => `ETL job ${target.job} fails: ${reason}`,
})
