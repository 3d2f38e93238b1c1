/** What the threads of a job pool can do with drills. */
import type { Rule } from '../alerts/load-rules.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import type { ExportedDrill } from '../export/export-drill.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { MutantVerdict } from '../score/judge-mutants.ts'
import type { Probe, ProbeOutcome } from '../threshold/probe-drill.ts'

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

/** Runs a drill to see whether one rule fires, and what an expression reads. */
export interface ProbeJob {
  readonly type: 'probe'
  readonly drill: Drill
  readonly probe: Probe
}

/** Writes a drill as promtool tests. */
export interface ExportJob {
  readonly type: 'export'
  readonly drill: Drill
  readonly folder: string
  readonly gridMs: number | undefined
  /** Of Firedrill. */
  readonly version: string
}

export type DrillJob = RecordJob | MutantsJob | ProbeJob | ExportJob

export type DrillJobResult<Job extends DrillJob> = Job extends RecordJob
  ? { readonly result: DrillResult; readonly verdicts: readonly MutantVerdict[] }
  : Job extends ProbeJob
    ? ProbeOutcome
    : Job extends ExportJob
      ? ExportedDrill
      : readonly MutantVerdict[]

export type FromJobWorker =
  | { readonly type: 'progress'; readonly virtualMs: number }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'failure'; readonly message: string; readonly stack: string | undefined }
