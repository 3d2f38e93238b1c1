/** What the threads of a job pool can do with drills. */
import type { Rule } from '../alerts/load-rules.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { MutantVerdict } from '../score/judge-mutants.ts'

/** Simulates a drill and keeps it in a folder; judges it, and mutants of rules on the way. */
export interface RecordJob {
  readonly type: 'record'
  readonly drill: Drill
  readonly folder: string
  readonly mutants: readonly MutantOfJob[]
}

/** Judges mutants on a drill that was kept. */
export interface MutantsJob {
  readonly type: 'mutants'
  readonly folder: string
  readonly mutants: readonly MutantOfJob[]
}

export interface MutantOfJob {
  readonly id: number
  /** The rule as it would be; it stands in the place of the rule with the same index. */
  readonly rule: Rule
}

export type DrillJob = RecordJob | MutantsJob

export type DrillJobResult<Job extends DrillJob> = Job extends RecordJob
  ? { readonly result: DrillResult; readonly verdicts: readonly MutantVerdict[] }
  : readonly MutantVerdict[]

export type FromJobWorker =
  | { readonly type: 'progress'; readonly virtualMs: number }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'failure'; readonly message: string; readonly stack: string | undefined }
