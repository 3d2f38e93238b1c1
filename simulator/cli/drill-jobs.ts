/** What the threads of a job pool can do with drills. */
import type { DrillResult } from '../drill/drill-result.ts'
import type { DrillSetup } from '../drill/drill-setup.ts'
import type { ExportedDrill } from '../export/export-drill.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { JudgedRecord, MutantToJudge, MutantVerdict } from '../score/judge-mutants.ts'
import type { Probe, ProbeOutcome } from '../threshold/probe-drill.ts'
import type { KeptDrill } from '../watch/keep-drill.ts'

/** Simulates drills that go the same way, keeps them in a folder, and judges the rules of some alerts. */
export interface RecordJob {
  readonly type: 'record'
  /** The longest comes first. */
  readonly drills: readonly Drill[]
  readonly folder: string
  readonly alerts: readonly string[]
}

/** Judges mutants on drills that were kept, in this order. */
export interface MutantsJob {
  readonly type: 'mutants'
  readonly records: readonly JudgedRecord[]
  readonly mutants: readonly MutantToJudge[]
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

/** Judges a drill that is watched; see watch/keep-drill.ts. */
export interface KeepJob {
  readonly type: 'keep'
  readonly drill: Drill
  readonly folder: string
  /** Read anew when the revision is another than that of the job before. */
  readonly setup: DrillSetup
  readonly revision: number
}

export type DrillJob = RecordJob | MutantsJob | ProbeJob | ExportJob | KeepJob

export type DrillJobResult<Job extends DrillJob> = Job extends RecordJob
  ? readonly DrillResult[]
  : Job extends ProbeJob
    ? ProbeOutcome
    : Job extends ExportJob
      ? ExportedDrill
      : Job extends KeepJob
        ? KeptDrill
        : readonly MutantVerdict[]

export type FromJobWorker =
  | { readonly type: 'progress'; readonly virtualMs: number }
  | { readonly type: 'alive' }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'failure'; readonly message: string; readonly stack: string | undefined }
