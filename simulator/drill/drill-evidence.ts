/**
 * What a report draws and a result need not carry: series over time. Collected only when somebody asks for a report.
 * Times are seconds since the start of the drill.
 */
import type { Unit } from '../explain/units.ts'
import type { Interval } from './drill-result.ts'
import type { SpanRecord } from './span-record.ts'

export interface DrillEvidence {
  readonly panels: readonly PanelEvidence[]
  /** Every rule whose alert is expected by name, failed, or was active. */
  readonly alerts: readonly AlertEvidence[]
  /** What the faults declare to change, as read from the platform itself. */
  readonly effects: readonly EffectEvidence[]
  readonly logs: LogEvidence
  /** A request from before the fault, and the slowest and a failed one during it, as far as there are such. */
  readonly traces: readonly TraceEvidence[]
}

/** Why an alert fired, or why it did not. */
export interface AlertEvidence {
  readonly alertname: string
  /** `file:line` of the rule. */
  readonly place: string
  readonly group: string
  /** As in the file. */
  readonly expression: string
  readonly intervalS: number
  readonly forS: number
  readonly keepFiringForS: number
  readonly outcome: 'fired' | 'pending' | 'never true' | 'no series' | 'failed' | 'not judged'
  /** The question that is answered. */
  readonly question: string
  /** One sentence. */
  readonly answer: string
  readonly steps: readonly ExplanationStep[]
  /** The instance that the steps are about; empty when there is none. */
  readonly labels: Readonly<Record<string, string>>
  /** Where the time from the fault to the page went; null when nothing fired after a fault. */
  readonly delay: AlertDelay | null
  readonly operands: readonly OperandEvidence[]
}

export interface ExplanationStep {
  /** Seconds since the start of the drill; null: holds for the whole drill. */
  readonly atS: Interval | null
  readonly title: string
  readonly text: string
}

/** Seconds, one after the other from the start of the fault to the first firing. */
export interface AlertDelay {
  readonly event: string
  readonly faultAtS: number
  /** Until the condition was true. */
  readonly signalS: number
  /** Until an evaluation saw it, at the earliest and at the latest. */
  readonly intervalS: Interval
  /** Until it fired: `for`, rounded up to whole evaluations. */
  readonly forS: number
}

/** One part of an alert's expression over the drill. */
export interface OperandEvidence {
  readonly id: string
  readonly depth: number
  readonly role: 'condition' | 'signal' | 'threshold' | 'part'
  readonly text: string
  readonly unit: Unit
  /** Of a signal: what it is compared with. */
  readonly operator: string | null
  readonly threshold: number | null
  /** This one decided. */
  readonly decided: boolean
  /** Of a condition: when it was true for the labels that the steps are about. */
  readonly trueAt: readonly Interval[]
  /** The point at which a signal came closest to (or went furthest past) its threshold. */
  readonly closest: { readonly value: number; readonly atS: number; readonly threshold: number } | null
  /** Medians of the series that the steps are about. */
  readonly before: number | null
  readonly during: number | null
  readonly after: number | null
  /** The most telling ones first. */
  readonly series: readonly ChartSeries[]
  /** Series that were seen. */
  readonly seriesCount: number
  /** Why there is no value, when that is known. */
  readonly note: string
}

export interface EffectEvidence {
  readonly event: string
  readonly what: string
  readonly direction: 'up' | 'down'
  readonly timesS: readonly number[]
  readonly values: readonly number[]
}

export interface LogEvidence {
  /** Kinds of lines that changed most with the fault. */
  readonly kinds: readonly LogKind[]
  /** A few lines around the start of the fault. */
  readonly lines: readonly LogLine[]
}

export interface LogKind {
  readonly service: string
  readonly event: string
  readonly level: string
  /** Lines a minute. */
  readonly before: number
  readonly during: number
  readonly after: number
}

export interface LogLine {
  readonly atS: number
  readonly service: string
  readonly level: string
  readonly event: string
  readonly message: string
  /** The fields that say something, in the order of the line. */
  readonly fields: readonly (readonly [string, string])[]
  readonly traceId: string
}

export interface TraceEvidence {
  /** For example `the slowest request during the fault`. */
  readonly what: string
  readonly traceId: string
  readonly atS: number
  readonly durationMs: number
  /** Parents before their children, in order of time. */
  readonly spans: readonly TraceSpan[]
  /** Spans that were left out. */
  readonly more: number
}

export interface TraceSpan extends Pick<SpanRecord, 'service' | 'name' | 'durationMs'> {
  readonly depth: number
  /** Since the start of the trace. */
  readonly startMs: number
  readonly failed: boolean
  readonly note: string
}

/** What one target of a panel showed over the drill. */
export interface PanelEvidence {
  readonly dashboard: string
  readonly dashboardTitle: string
  readonly panel: string
  readonly refId: string
  /** Type of the panel in Grafana, for example `timeseries`. */
  readonly type: string
  /** Grafana's unit id, for example `s`, `percentunit`; empty when the panel has none. */
  readonly unit: string
  readonly description: string
  /** The query after variables were expanded. */
  readonly expression: string
  readonly thresholds: readonly { readonly value: number; readonly color: string }[]
  readonly series: readonly ChartSeries[]
}

export interface ChartSeries {
  /** As the legend shows it. */
  readonly name: string
  readonly timesS: readonly number[]
  readonly values: readonly number[]
}
