/** What the pool and its workers say to each other. */
import type { AlertEvidence } from '../drill/drill-evidence.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import type { JudgeIdentity } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface ToWorker {
  readonly index: number
  readonly judge: JudgeIdentity['kind']
  readonly drill: Drill
}

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly index: number; readonly virtualMs: number }
  /** What the judge is about to look at: whoever ends a worker that falls silent can say where. */
  | { readonly type: 'activity'; readonly index: number; readonly what: string }
  /** `memoryBytes`: of the worker's engine, which never gives any back. */
  | { readonly type: 'result'; readonly index: number; readonly result: DrillResult; readonly memoryBytes: number }
  /** Comes before the result, when it was asked for. */
  | { readonly type: 'explained'; readonly index: number; readonly alerts: readonly AlertEvidence[] }
  | {
      readonly type: 'failure'
      readonly index: number
      /** judge: it could not be reached or did not answer; bug: ours. */
      readonly kind: 'judge' | 'bug'
      readonly message: string
      readonly stack: string
      /** The worker's engine can't be called any more, so the worker is of no more use. */
      readonly engineLost: boolean
    }
  /** A server that the worker started or ended; whoever ends the worker ends its servers too. */
  | { readonly type: 'child'; readonly pid: number; readonly running: boolean }
