/** More requests than usual, from all tenants or from one. */
import { z } from 'zod'
import { positiveSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { tenantTarget } from './fault-targets.ts'

export const trafficSurge = defineFault({
  name: 'traffic.surge',
  description: 'All tenants, or one, send a multiple of their usual load',
  schema: z.strictObject({ target: tenantTarget.optional(), factor: positiveSchema.min(1).max(1000) }),
  graded: true,
  start(world, { target, factor }) {
    const traffic = world.traffic()
    let undo = () => {}
    return {
      setSeverity(severity) {
        undo()
        undo = traffic.multiply(target?.tenant, 1 + (factor - 1) * severity)
      },
      stop: () => undo(),
    }
  },
  visible: () => [
    { what: 'requests a second', process: 'backend-api', metric: 'http_requests_total', as: 'rate', direction: 'up' },
    {
      what: 'rate limited requests a second',
      process: 'backend-api',
      metric: 'api_requests_rate_limited_total',
      as: 'rate',
      direction: 'up',
    },
  ],
  describe: ({ target, factor }) =>
    `${target?.tenant ? `tenant ${target.tenant}` : 'all tenants'} send ${factor} times the load`,
})
