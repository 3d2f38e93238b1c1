/** Consumers of a topic work slower (consumer.slow) or stand still (consumer.stall); afterwards they may catch up faster. */
import { z } from 'zod'
import { positiveSchema, ratioSchema } from '../../services/runtime/schema-types.ts'
import type { ActiveFault, FaultWorld, VisibleEffect } from './define-fault.ts'
import { defineFault } from './define-fault.ts'
import { partitionsTarget, partitionTags } from './fault-targets.ts'

const recoverSchema = z
  .strictObject({
    drain: positiveSchema
      .min(1)
      .max(100)
      .describe('Afterwards the backlog is worked off at this multiple of the usual speed'),
  })
  .optional()

export const consumerStall = defineFault({
  name: 'consumer.stall',
  description: 'Consumers of a topic stand still; messages keep arriving, so lag grows',
  schema: z.strictObject({ target: partitionsTarget, recover: recoverSchema }),
  graded: true,
  start: (world, { target, recover }) => slowConsumers(world, target, (severity) => severity, recover?.drain),
  visible: ({ target }) => visibleLag(target.topic),
  describe: ({ target }) =>
    `the consumer of ${target.topic}${target.partitions ? ` [${target.partitions.join(', ')}]` : ''} stands still`,
})

export const consumerSlow = defineFault({
  name: 'consumer.slow',
  description: 'Consumers of a topic work at a share of their speed',
  schema: z.strictObject({
    target: partitionsTarget,
    speed: ratioSchema.describe('Share of the usual speed that remains'),
    recover: recoverSchema,
  }),
  graded: true,
  start: (world, { target, speed, recover }) =>
    slowConsumers(world, target, (severity) => severity * (1 - speed), recover?.drain),
  visible: ({ target }) => visibleLag(target.topic),
  describe: ({ target, speed }) => `the consumer of ${target.topic} works at ${speed * 100} % of its speed`,
})

type Target = z.infer<typeof partitionsTarget>

/** @param lost share of the speed that is lost at a severity, 0 to 1 */
function slowConsumers(
  world: FaultWorld,
  target: Target,
  lost: (severity: number) => number,
  drain: number | undefined,
): ActiveFault {
  let lostNow = 0
  const partitions = partitionTags(target.partitions)
  const where = { topic: target.topic, ...(partitions ? { partition: partitions } : {}) }
  const injection = { service: 'data-pipeline', point: 'consumer', where, ratio: () => 1, spread: 'random' } as const
  const remove = world.inject({
    ...injection,
    effect: () => (lostNow >= 1 ? { stall: true } : { slowdown: 1 / (1 - lostNow) }),
  })
  return {
    setSeverity(severity) {
      lostNow = lost(severity)
    },
    stop() {
      remove()
      if (drain !== undefined) catchUp(world, target, injection, drain)
    },
  }
}

/** The operators run the consumer faster until the backlog is gone. */
function catchUp(
  world: FaultWorld,
  target: Target,
  injection: {
    service: string
    point: string
    where: Record<string, string | readonly string[]>
    ratio: () => number
    spread: 'random'
  },
  drain: number,
): void {
  const removeDrain = world.inject({ ...injection, effect: () => ({ slowdown: 1 / drain }) })
  const stopWatching = world.repeat(5_000, () => {
    if (world.topic(target.topic).lag(target.partitions) > 1_000) return
    removeDrain()
    stopWatching()
  })
}

function visibleLag(topic: string): readonly VisibleEffect[] {
  return [
    {
      what: `lag of ${topic}`,
      process: 'data-pipeline',
      metric: 'kafka_consumer_lag',
      where: { topic },
      as: 'value',
      direction: 'up',
    },
  ]
}
