/**
 * A drill as the rest of Firedrill sees it: a scenario file (or one of its twins) with every time resolved to
 * milliseconds since the start of the drill. Plain data: it crosses worker boundaries.
 */
import type { World } from '../world/world-schema.ts'
import type { Solve } from './schema.ts'

export interface Drill {
  /** `kafka-lag-spike`, or `kafka-lag-spike/just-below` for a twin. */
  readonly name: string
  readonly scenario: string
  readonly twin: string | undefined
  readonly title: string
  readonly tags: readonly string[]
  /** Path of the scenario file as the user named it. */
  readonly file: string
  readonly seed: number
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number
  readonly lengthMs: number
  readonly world: World
  readonly load: readonly LoadStage[]
  readonly steady: SteadyExpectation | undefined
  readonly events: readonly DrillEvent[]
  readonly observe: readonly ObserveEvent[]
  readonly expect: Expectations
  /** Of a twin: how the number of its cause was found. */
  readonly solve?: Solve
}

/** `perSecond` goes in a straight line from `fromPerSecond` to `toPerSecond`; `daily` is the amplitude of the day's curve. */
export interface LoadStage {
  readonly startMs: number
  readonly endMs: number
  readonly fromPerSecond: number
  readonly toPerSecond: number
  readonly daily: number
}

export interface SteadyExpectation {
  readonly fromMs: number
  /** Alerts that may already fire in the steady state; empty for `alerts: none`. */
  readonly allowed: readonly string[]
}

export interface DrillEvent {
  readonly id: string
  /** Name of the fault, for example `consumer.stall`. */
  readonly fault: string
  readonly startMs: number
  /** Infinity is written as the end of the drill. */
  readonly endMs: number
  /** True when the file gives an end (`hold` or `until`) before the end of the drill. */
  readonly ends: boolean
  /** Grows in a straight line; 1 from the start when the file says nothing. */
  readonly severity: { readonly from: number; readonly to: number; readonly overMs: number }
  /** `target` and the fault's own parameters, validated by the fault's schema, durations in milliseconds. */
  readonly params: Readonly<Record<string, unknown>>
}

/** A fault of the measuring path: Prometheus does not scrape the job. */
export interface ObserveEvent {
  readonly gap: 'scrape'
  /** Undefined: every job. */
  readonly job: string | undefined
  readonly startMs: number
  readonly endMs: number
}

export interface Expectations {
  readonly alerts: Readonly<Record<string, AlertExpected>>
  readonly otherwise: 'silent' | 'may'
  readonly logs: readonly LogExpected[]
  readonly traces: readonly TraceExpected[]
  readonly panels: readonly PanelExpected[]
}

export type AlertExpected =
  | { readonly kind: 'silent' | 'may' | 'pending-only' }
  | {
      readonly kind: 'fires'
      readonly because: string | undefined
      readonly labels: Readonly<Record<string, string>>
      /** Milliseconds since the start of the drill. */
      readonly firing: readonly [number, number]
      readonly firingAfter: TimeReference
      readonly resolved: readonly [number, number] | undefined
      readonly resolvedAfter: TimeReference | undefined
      readonly textComplete: boolean
    }

/** What a window was written relative to, for messages: `stall`, `stall.end`, or `start`. */
export interface TimeReference {
  readonly text: string
  readonly ms: number
}

export interface LogExpected {
  readonly service: string | undefined
  readonly event: string
  readonly level: string | undefined
  readonly fields: Readonly<Record<string, unknown>>
  readonly duringMs: readonly [number, number] | undefined
  readonly during: string | undefined
  readonly atLeast: number
  readonly atMost: number | undefined
}

/** `dashboard`, `panel` and `legend` may hold `*`, which stands for any text. */
export interface PanelExpected {
  /** Uid or title. */
  readonly dashboard: string
  /** Title. */
  readonly panel: string
  readonly refId: string | undefined
  readonly legend: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** Undefined: the whole drill, from where its steady state is said to begin. */
  readonly duringMs: readonly [number, number] | undefined
  readonly during: string | undefined
  readonly has: 'data' | 'nothing' | undefined
  readonly moves: 'up' | 'down' | 'no' | undefined
  /** Least change that counts, as a share. */
  readonly by: number
}

export interface TraceExpected {
  readonly service: string
  readonly through: string | undefined
  readonly duringMs: readonly [number, number] | undefined
  readonly during: string | undefined
  readonly slowerThanMs: number | undefined
  readonly error: boolean | undefined
  readonly logs: 'linked' | undefined
  readonly atLeast: number
}
