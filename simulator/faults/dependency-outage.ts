/** A server that the services depend on (database, cache, broker) is away. */
import { z } from 'zod'
import { defineFault } from './define-fault.ts'
import { dependencyNames } from './fault-targets.ts'

export const dependencyOutage = defineFault({
  name: 'dependency.outage',
  description: 'A server that services depend on is away: connections to it are refused',
  schema: z.strictObject({ target: z.strictObject({ dependency: z.enum(dependencyNames) }) }),
  graded: false,
  start(world, { target }) {
    const server = world.server(target.dependency)
    server.stop()
    return { setSeverity() {}, stop: () => server.start() }
  },
  visible({ target }) {
    switch (target.dependency) {
      case 'postgres':
        return [{ what: 'pg_up', process: 'postgres-exporter', metric: 'pg_up', as: 'value', direction: 'down' }]
      case 'redis':
        return [{ what: 'redis_up', process: 'redis-exporter', metric: 'redis_up', as: 'value', direction: 'down' }]
      case 'kafka':
        return [
          {
            what: 'messages consumed a second',
            process: 'data-pipeline',
            metric: 'kafka_messages_consumed_total',
            as: 'rate',
            direction: 'down',
          },
        ]
    }
  },
  describe: ({ target }) => `${target.dependency} is down`,
})
