/** Fewer requests than usual, or none: a customer's integration breaks, a proxy in front of the platform lets nothing through. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { tenantTarget } from './fault-targets.ts'

export const trafficDrop = defineFault({
  name: 'traffic.drop',
  description: 'All tenants, or one, send only a share of their usual load, or nothing at all',
  schema: z.strictObject({
    target: tenantTarget.optional(),
    remaining: ratioSchema.describe('Share of the load that is still sent; 0: none'),
  }),
  graded: true,
  start(world, { target, remaining }) {
    const traffic = world.traffic()
    let undo = () => {}
    return {
      setSeverity(severity) {
        undo()
        undo = traffic.multiply(target?.tenant, 1 - (1 - remaining) * severity)
      },
      stop: () => undo(),
    }
  },
  visible: ({ target }) => [
    {
      what: target?.tenant ? `requests a second of tenant ${target.tenant}` : 'requests a second',
      process: 'backend-api',
      metric: 'api_requests_total',
      ...(target?.tenant !== undefined && { where: { tenant_id: target.tenant } }),
      as: 'rate',
      direction: 'down',
    },
  ],
  describe: ({ target, remaining }) =>
    `${target?.tenant ? `tenant ${target.tenant} sends` : 'all tenants send'} ${
      remaining === 0 ? 'nothing' : `${remaining * 100} % of the load`
    }`,
})
