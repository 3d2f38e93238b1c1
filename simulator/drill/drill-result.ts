/**
 * What a drill gives: plain data, the same in the terminal, in JSON, in JUnit and in reports. It can cross a worker
 * boundary, and is the same bytes for the same seed (`wallSeconds` and paths excepted).
 *
 * Times are seconds since the start of the drill; `[earliest, latest]` runs over the evaluation offsets that were tried.
 */
import type { Survey } from '../findings/survey.ts'
import type { JudgeIdentity } from '../judge/judge.ts'

export type Interval = readonly [earliest: number, latest: number]

export interface DrillResult {
  /** Name of the scenario, with its twin behind a slash: `service-down/just-below`. */
  readonly scenario: string
  readonly title: string
  readonly seed: number
  readonly verdict: Verdict
  readonly exitCode: number
  readonly judge: JudgeIdentity
  readonly virtualSeconds: number
  readonly wallSeconds: number
  /** Hash of all samples, log lines and spans in order. */
  readonly streamHash: string
  readonly events: readonly EventSpan[]
  readonly alerts: readonly AlertResult[]
  /** Faults whose declared effect was looked for. */
  readonly effects: readonly EffectResult[]
  readonly steady: { readonly ok: boolean; readonly detail: string } | undefined
  readonly panels: readonly PanelResult[]
  readonly logs: readonly ExpectationResult[]
  readonly traces: readonly ExpectationResult[]
  /** What this drill shows by itself; see findings/look-for-findings.ts for those of a run. */
  readonly findings: readonly Finding[]
  /** What was exposed and stored; workers send it along for findings over all drills, reports leave it out. */
  readonly survey?: Survey
  readonly accounting: {
    readonly metrics: Accounting
    readonly logs: Accounting
    readonly traces: Accounting
  }
  /** Things to know that are neither failures nor findings, for example a job that is not simulated. */
  readonly notes: readonly string[]
}

export type Verdict =
  | 'held'
  | 'expectation failed'
  | 'steady state did not hold'
  | 'fault had no effect'
  | 'rule can never fire'
  | 'panel can never show data'
  | 'judge did not answer'
  | 'invalid'
  | 'interrupted'
  | 'internal error'

/** When an event of the scenario was in force. */
export interface EventSpan {
  readonly id: string
  readonly fault: string
  readonly startS: number
  /** Null: until the end of the drill. */
  readonly endS: number | null
  readonly description: string
}

export type AlertExpectation = 'fires' | 'silent' | 'pending-only' | 'may' | 'not in these rules' | 'not judged'

export interface AlertResult {
  readonly alertname: string
  readonly expected: AlertExpectation
  /** Subset of labels that the expectation asks for. */
  readonly labels: Readonly<Record<string, string>>
  /** Where the first firing was expected; null when none was. */
  readonly window: Interval | null
  readonly resolvedWindow: Interval | null
  readonly ok: boolean
  /** One sentence: what happened, and why that is not what was expected. */
  readonly detail: string
  /** Why it fired or did not, in one or two sentences; only when it did not do what was expected. */
  readonly why?: readonly string[]
  /** First firing of an instance that matches `labels`; null = never. */
  readonly firingAt: Interval | null
  readonly pendingAt: Interval | null
  readonly resolvedAt: Interval | null
  /** Whether the text has no gap; null when nobody asked or nothing fired. */
  readonly text: 'complete' | 'incomplete' | null
  readonly instances: readonly AlertInstance[]
}

export interface AlertInstance {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly episodes: readonly AlertEpisode[]
  /** Receivers that Alertmanager tells of it; absent without an alertmanager.yml. */
  readonly receivers?: readonly string[]
  /** Alerts that silence it while they fire too. */
  readonly inhibitedBy?: readonly string[]
}

/** One stay outside of inactive. `firingAt` null: pending only. `resolvedAt` null: until the end of the drill. */
export interface AlertEpisode {
  readonly pendingAt: Interval
  readonly firingAt: Interval | null
  readonly resolvedAt: Interval | null
}

export interface EffectResult {
  readonly event: string
  readonly fault: string
  readonly ok: boolean
  readonly detail: string
}

export interface ExpectationResult {
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

/** One target (query) of one dashboard panel over the drill. */
export interface PanelResult {
  /** Uid of the dashboard. */
  readonly dashboard: string
  /** Title of the panel. */
  readonly panel: string
  readonly refId: string
  /** `not judged`: its data source has no judge here (Loki, Jaeger), or its query is not in the file; never counts as passed. */
  readonly state: 'data' | 'empty' | 'error' | 'not judged'
  /** What the scenario asks of the panel, in words; null when it asks nothing. */
  readonly expected: string | null
  readonly ok: boolean
  readonly series: number
  readonly points: number
  /** The median during the event (the whole drill's faults when nothing is asked) against an equal time before it. */
  readonly moves: 'up' | 'down' | 'no' | null
  readonly before: number | null
  readonly during: number | null
  /** One sentence: what was seen, and why that is not what was expected. */
  readonly detail: string
}

export interface Finding {
  /** Stable code, for example `rule-unreachable`. */
  readonly code: string
  readonly severity: 'info' | 'warning' | 'error'
  /** `file:line` or `alert NAME`. */
  readonly where: string
  readonly message: string
  readonly evidence: string
}

/** generated = delivered + sum(dropped) + queued */
export interface Accounting {
  readonly generated: number
  readonly delivered: number
  readonly dropped: Readonly<Record<string, number>>
  readonly queued: number
}
