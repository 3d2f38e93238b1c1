/** A bad deploy: routes of a service take longer. */
import { z } from 'zod'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { durationSchema, ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { endpointsOf, routeSchema, serviceNames } from './fault-targets.ts'

export const codeSlow = defineFault({
  name: 'code.slow',
  description: 'A bad deploy: a share of the requests to a service waits longer inside the route, holding its worker',
  schema: z.strictObject({
    target: z.strictObject({
      service: z.enum(serviceNames),
      routes: z.array(routeSchema).min(1).optional().describe('All routes when left out'),
    }),
    add: durationSchema,
    ratio: ratioSchema.default(1),
  }),
  graded: true,
  start(world, { target, add, ratio }) {
    let current = 0
    const remove = world.inject({
      service: target.service,
      point: 'route',
      where: target.routes ? { route: target.routes } : {},
      ratio: () => ratio,
      spread: 'random',
      effect: () => ({ delayMs: add * current }),
    })
    return {
      setSeverity(severity) {
        current = severity
      },
      stop: remove,
    }
  },
  visible: ({ target }) => [
    target.service === 'ml-engine'
      ? {
          what: 'time to recommend',
          process: 'backend-api',
          metric: 'recommendation_duration_seconds',
          as: 'mean',
          direction: 'up',
        }
      : {
          what: 'time of a request',
          process: target.service,
          metric: 'http_request_duration_seconds',
          // Other routes would hide it where there are few requests: questions for the health are always quick.
          ...(target.routes && { where: { endpoint: endpointsOf(target.routes) } }),
          as: 'mean',
          direction: 'up',
        },
  ],
  describe: ({ target, add }) => `${target.routes?.join(', ') ?? target.service} slower by ${formatDurationMs(add)}`,
})
