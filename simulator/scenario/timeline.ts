/** What happens to the faults of a drill, and when: the list that the world plays. */
import type { Drill, DrillEvent } from './scenario.ts'

export interface TimelineStep {
  /** Milliseconds since the start of the drill. */
  readonly atMs: number
  readonly event: DrillEvent
  readonly action: 'start' | 'severity' | 'stop'
  /** 0 to 1, from this step on. */
  readonly severity: number
}

/** A ramp is played in steps of this length. */
const rampStepMs = 5_000

/** @returns the steps by time; at the same time faults stop before others start, else in the order of the file */
export function timelineOf(drill: Pick<Drill, 'events'>): TimelineStep[] {
  const steps = drill.events.flatMap(stepsOf)
  return steps.sort((a, b) => a.atMs - b.atMs || order[a.action] - order[b.action])
}

/** @returns how strong the fault is at this time (milliseconds since the start of the drill); 0 outside of the event */
export function severityAt(event: DrillEvent, ms: number): number {
  if (ms < event.startMs || (event.ends && ms >= event.endMs)) return 0
  const { from, to, overMs } = event.severity
  const passedMs = ms - event.startMs
  return passedMs >= overMs ? to : from + ((to - from) * passedMs) / overMs
}

const order = { stop: 0, start: 1, severity: 2 } as const

function stepsOf(event: DrillEvent): TimelineStep[] {
  const steps: TimelineStep[] = [
    { atMs: event.startMs, event, action: 'start', severity: severityAt(event, event.startMs) },
  ]
  const rampEndMs = event.startMs + event.severity.overMs
  for (let atMs = event.startMs + rampStepMs; atMs < rampEndMs && atMs < event.endMs; atMs += rampStepMs) {
    steps.push({ atMs, event, action: 'severity', severity: severityAt(event, atMs) })
  }
  if (event.severity.overMs > 0 && rampEndMs < event.endMs) {
    steps.push({ atMs: rampEndMs, event, action: 'severity', severity: event.severity.to })
  }
  if (event.ends) steps.push({ atMs: event.endMs, event, action: 'stop', severity: 0 })
  return steps
}
