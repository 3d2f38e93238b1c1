/** Who looks at the samples of a drill while it runs, window by window, so that memory stays flat in virtual time. */
import type { SeriesSamples } from '../judge/judge.ts'

export interface DrillObserver {
  /** How far back of a time it may still ask the judge, milliseconds. */
  readonly lookbackMs: number
  /** Samples that the judge of the drill has just been given; for observers with stores of their own. */
  append(batch: readonly SeriesSamples[]): Promise<void>
  /** All samples up to and including `toMs` (since the start of the drill) are there: look at them. */
  advance(toMs: number): Promise<void>
  close(): Promise<void>
}
