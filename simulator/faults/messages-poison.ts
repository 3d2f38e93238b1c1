/** Producers write messages that no consumer can read. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'
import { partitionsTarget } from './fault-targets.ts'

export const messagesPoison = defineFault({
  name: 'messages.poison',
  description: 'A share of the newly produced messages of a topic can be read by no consumer; they are rejected',
  schema: z.strictObject({ target: partitionsTarget, ratio: ratioSchema }),
  graded: true,
  start(world, { target, ratio }) {
    const topic = world.topic(target.topic)
    return {
      setSeverity: (severity) => topic.poison(ratio * severity, target.partitions),
      stop: () => topic.poison(0, target.partitions),
    }
  },
  visible: ({ target }) => [
    {
      what: `processing errors a second of ${target.topic}`,
      process: 'data-pipeline',
      metric: 'kafka_processing_errors_total',
      where: { topic: target.topic },
      as: 'rate',
      direction: 'up',
    },
  ],
  describe: ({ target, ratio }) => `${ratio * 100} % of the messages of ${target.topic} can't be read`,
})
