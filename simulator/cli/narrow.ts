/** Options by which a run takes only some of the drills: those that a change can touch, or the part of one machine. */
import type { Command } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import type { Drill } from '../scenario/scenario.ts'
import { ChangeError, narrowToChanges } from './changed-since.ts'
import type { CommandContext } from './context.ts'
import type { SetUp } from './set-up.ts'
import { parseShard, type Shard } from './shard.ts'

export interface NarrowOptions {
  readonly changedSince?: string
  readonly shard?: Shard
}

export function addNarrowOptions(command: Command): Command {
  return command
    .option(
      '--changed-since <rev>',
      'only drills whose scenario, world, alerts or panels differ from this git revision',
    )
    .option('--shard <i/n>', 'only the i-th of n parts; firedrill merge joins their reports', parseShard)
}

/** @returns the drills, or the exit code */
export async function narrow(
  drills: readonly Drill[],
  { changedSince: revision }: NarrowOptions,
  { loaded, engine, source }: SetUp,
  { console, cwd }: CommandContext,
): Promise<readonly Drill[] | number> {
  if (revision === undefined) return drills
  try {
    const { configFile } = source
    const narrowed = await narrowToChanges({ cwd, revision, drills, loaded: loaded!, engine, configFile })
    console.err(narrowed.why)
    return narrowed.drills
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error
    console.err(error.message)
    return exitCodes.invalid.code
  }
}
