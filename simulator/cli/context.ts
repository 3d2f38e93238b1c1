/** What a command gets of the process: only main.ts touches the process itself. */
import type { Console } from './console.ts'

export interface CommandContext {
  readonly console: Console
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of Firedrill. */
  readonly version: string
  /** A folder of this run alone, removed at its end whatever happens. */
  temporaryFolder(): string
  /** Calls back at Ctrl-C; the command then ends by itself. */
  onInterrupt(stop: () => Promise<void>): void
  /** Runs at the very end of the process, synchronously, even after a crash. */
  onExit(clean: () => void): void
  /** Milliseconds; for wall times only. */
  wallClock(): number
  /** As on a clock on the wall, `14:03:59`; for people only. */
  timeOfDay(): string
  readonly cores: number
  readonly nodeVersion: string
  readonly pid: number
}
