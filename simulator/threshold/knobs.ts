/** The one number of each fault that says how strong it is, so that it can be turned: towards nothing, and back. */
import { formatBytes } from '../../services/runtime/byte-size.ts'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { findFault } from '../faults/index.ts'
import type { Drill, DrillEvent } from '../scenario/scenario.ts'

export interface Knob {
  readonly event: string
  /** Parameter of the fault, or `severity`, or `hold`. */
  readonly parameter: string
  /** Its value when the fault does nothing. */
  readonly nothing: number
  /** What the drill says. */
  readonly current: number
  /** The most that the fault takes. */
  readonly most: number
  readonly unit: 'number' | 'duration' | 'bytes'
  readonly step: number
}

type Strength = Pick<Knob, 'parameter' | 'nothing' | 'most' | 'unit' | 'step'>

const share = { nothing: 0, most: 1, unit: 'number', step: 0.0005 } as const
const remains = { nothing: 1, most: 0, unit: 'number', step: 0.0005 } as const
const duration = { nothing: 0, most: 3_600_000, unit: 'duration', step: 10 } as const

/** Faults that are not here are as strong as they last. */
const strengths: Readonly<Record<string, Strength>> = {
  'cache.churn': { parameter: 'keysPerSecond', nothing: 0, most: 100_000, unit: 'number', step: 1 },
  'code.errors': { parameter: 'ratio', ...share },
  'code.slow': { parameter: 'add', ...duration },
  'consumer.slow': { parameter: 'speed', ...remains },
  'consumer.stall': { parameter: 'severity', ...share },
  'cpu.saturation': { parameter: 'share', ...share },
  'disk.fill': { parameter: 'available', ...remains },
  'link.latency': { parameter: 'add', ...duration },
  'link.loss': { parameter: 'ratio', ...share },
  'memory.leak': { parameter: 'perMinute', nothing: 0, most: 2 ** 40, unit: 'bytes', step: 2 ** 20 },
  'messages.poison': { parameter: 'ratio', ...share },
  'model.degrade': { parameter: 'quality', ...remains },
  'traffic.drop': { parameter: 'remaining', ...remains },
  'traffic.surge': { parameter: 'factor', nothing: 1, most: 1000, unit: 'number', step: 0.1 },
}

/** @param parameter another one than the fault's own, for example `hold` @returns undefined when the event has no such number */
export function knobOf(event: DrillEvent, lengthMs: number, parameter?: string): Knob | undefined {
  const strength = strengths[event.fault]
  const wanted = parameter ?? strength?.parameter ?? 'hold'
  if (wanted === 'hold') {
    const current = event.endMs - event.startMs
    const most = lengthMs - event.startMs
    // An event that ends as it starts would be none; the shortest that counts stands for nothing.
    return { event: event.id, parameter: 'hold', nothing: 1_000, current, most, unit: 'duration', step: 1_000 }
  }
  if (wanted === 'severity') {
    const { graded } = findFault(event.fault)!
    return graded ? { event: event.id, parameter: 'severity', ...share, current: event.severity.to } : undefined
  }
  const current = event.params[wanted]
  if (typeof current !== 'number') return undefined
  const { nothing, most, unit, step } =
    strength?.parameter === wanted ? strength : { ...share, most: current * 4, step: current / 1000 }
  return { event: event.id, parameter: wanted, nothing, current, most, unit, step }
}

/** The drill with the knob turned. */
export function turn(drill: Drill, { event: id, parameter }: Pick<Knob, 'event' | 'parameter'>, value: number): Drill {
  const events = drill.events.map((event): DrillEvent => {
    if (event.id !== id) return event
    if (parameter === 'hold')
      return { ...event, endMs: event.startMs + value, ends: event.startMs + value < drill.lengthMs }
    if (parameter !== 'severity') return { ...event, params: { ...event.params, [parameter]: value } }
    const scale = event.severity.to === 0 ? 0 : value / event.severity.to
    return { ...event, severity: { ...event.severity, from: event.severity.from * scale, to: value } }
  })
  return { ...drill, name: `${drill.name} with ${id}.${parameter} ${value}`, events }
}

/** As it stands in a scenario file. */
export function formatKnob(value: number, unit: Knob['unit']): string {
  if (unit === 'duration') return formatDurationMs(value)
  if (unit === 'bytes') return formatBytes(value)
  return String(Number(value.toPrecision(10)))
}
