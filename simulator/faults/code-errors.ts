/** A bad deploy: some requests to some routes of a service throw. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import type { VisibleEffect } from './define-fault.ts'
import { defineFault } from './define-fault.ts'
import { routeSchema, serviceNames } from './fault-targets.ts'

export const codeErrors = defineFault({
  name: 'code.errors',
  description: 'A bad deploy: a share of the requests to a service throws inside the route',
  schema: z.strictObject({
    target: z.strictObject({
      service: z.enum(serviceNames),
      routes: z.array(routeSchema).min(1).optional().describe('All routes when left out'),
    }),
    ratio: ratioSchema,
    spread: z
      .enum(['random', 'even'])
      .default('random')
      .describe('random: each request is drawn for itself; even: every 1/ratio-th request fails'),
    error: z.string().default('TypeError').describe('Type of the exception'),
    message: z.string().default("Cannot read properties of undefined (reading 'embedding')"),
  }),
  graded: true,
  start(world, { target, ratio, spread, error, message }) {
    let current = 0
    const remove = world.inject({
      service: target.service,
      point: 'route',
      where: target.routes ? { route: target.routes } : {},
      ratio: () => current,
      spread,
      effect: () => ({ error: { type: error, message } }),
    })
    return {
      setSeverity(severity) {
        current = ratio * severity
      },
      stop: remove,
    }
  },
  visible: ({ target }) => visibleErrors(target.service),
  describe: ({ target, ratio }) =>
    `${ratio * 100} % of the requests to ${target.routes?.join(', ') ?? target.service} throw`,
})

function visibleErrors(service: string): readonly VisibleEffect[] {
  if (service === 'backend-api') {
    return [
      {
        what: '5xx answers a second',
        process: service,
        metric: 'http_requests_total',
        where: { status: /^5/ },
        as: 'rate',
        direction: 'up',
      },
    ]
  }
  if (service === 'ml-engine') {
    return [
      {
        what: 'ML engine errors a second',
        process: service,
        metric: 'ml_engine_errors_total',
        as: 'rate',
        direction: 'up',
      },
    ]
  }
  return [
    {
      what: 'failed requests a second',
      process: service,
      metric: 'http_requests_total',
      where: { status: /^5/ },
      as: 'rate',
      direction: 'up',
    },
  ]
}
