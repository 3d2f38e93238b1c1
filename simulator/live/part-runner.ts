/**
 * How the process of a part is started, killed, frozen and ended: on this machine (`Supervisor`), or by an agent that is
 * the first process of the part's container (`RemoteParts`). Orders return at once; what became of them is asked for.
 */
export interface PartRunner {
  /** Loads the process, which waits until it is started. */
  prepare(name: string): void
  /** Lets a process begin, prepared or not; nothing happens when it works already. */
  start(name: string): void
  /** At once, without a chance to say anything; the next one is prepared. */
  kill(name: string): void
  freeze(name: string): void
  thaw(name: string): void
  isRunning(name: string): boolean
  isFrozen(name: string): boolean
  /** How often a process was started. */
  livesOf(name: string): number
  /** Ends these in good order; who has not ended after `withinMs` is killed. @returns those */
  stop(names: readonly string[], withinMs: number): Promise<string[]>
  /** At once, synchronously; for a second signal and for the very end. */
  killAll(): void
}

/** After a death that nobody asked for, milliseconds of the platform. */
export const restartAfterMs = 10_000
