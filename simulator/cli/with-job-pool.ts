/** What commands with jobs have in common: threads for them, an end at Ctrl-C, and nothing left behind. */
import { exitCodes } from '../drill/exit-codes.ts'
import type { CommandContext } from './context.ts'
import { InterruptedError, JobPool } from './job-pool.ts'
import { drillSetupOf, type SetUp } from './set-up.ts'

/** @param work tells the exit code @returns it, or that of an interruption */
export async function withJobPool(
  set: SetUp,
  workers: number | undefined,
  context: CommandContext,
  work: (pool: JobPool) => Promise<number>,
): Promise<number> {
  const { console } = context
  const setup = drillSetupOf(set, context)
  const pool = new JobPool({ module: set.module, setup, workers: workers ?? context.cores })
  context.onInterrupt(() => pool.stop())
  try {
    return await work(pool)
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error
    console.progress('')
    console.err('interrupted')
    return exitCodes.interrupted.code
  } finally {
    console.progress('')
    await pool.stop()
  }
}
