/** A file system of the host fills up. */
import { z } from 'zod'
import { ratioSchema } from '../../services/runtime/schema-types.ts'
import { defineFault } from './define-fault.ts'

export const diskFill = defineFault({
  name: 'disk.fill',
  description: 'A file system fills up until the given share is available; at 0 every write fails',
  schema: z.strictObject({
    target: z.strictObject({ mountpoint: z.string().regex(/^\//, 'is not a path: write for example "/data"') }),
    available: ratioSchema.describe('Share of the size that is left available'),
  }),
  graded: true,
  start(world, { target, available }) {
    const filesystem = world.filesystem(target.mountpoint)
    return {
      // Severity 0 is the empty end of the scale: all of the size available would mean nothing is filled at all.
      setSeverity: (severity) =>
        filesystem.fillUntilAvailable(severity === 0 ? undefined : 1 - (1 - available) * severity),
      stop: () => filesystem.fillUntilAvailable(undefined),
    }
  },
  visible: ({ target }) => [
    {
      what: `space available on ${target.mountpoint}`,
      process: 'node-exporter',
      metric: 'node_filesystem_avail_bytes',
      where: { mountpoint: target.mountpoint },
      as: 'value',
      direction: 'down',
    },
  ],
  describe: ({ target, available }) => `${target.mountpoint} fills until ${available * 100} % are available`,
})
