/** Plays the events of a scenario on a running platform. */
import type { Drill } from '../scenario/scenario.ts'
import { type TimelineStep, timelineOf } from '../scenario/timeline.ts'
import type { FaultBoard } from './fault-board.ts'
import type { Scheduler } from './traffic/live-kernel.ts'

export interface TimelinePlay {
  readonly board: FaultBoard
  /** Its time 0 is the start of the scenario. */
  readonly scheduler: Scheduler
  /** Milliseconds since the start of the scenario. */
  nowMs(): number
  /** How late a step was, milliseconds of the platform. */
  onStep?(lateMs: number): void
  /** A fault that the live world can't play. */
  onError(error: Error): void
}

export function playTimeline(drill: Pick<Drill, 'events'>, play: TimelinePlay): void {
  for (const step of timelineOf(drill)) {
    play.scheduler.after(step.atMs - play.scheduler.nowMs, () => {
      play.onStep?.(play.nowMs() - step.atMs)
      try {
        act(play.board, step)
      } catch (error) {
        play.onError(error as Error)
      }
    })
  }
}

/** @throws FaultRequestError when the live world can't play the fault */
function act(board: FaultBoard, { event, action, severity }: TimelineStep): void {
  const { id, fault, params } = event
  if (action === 'start') board.inject({ fault, params, severity, validated: true }, 'scenario', id)
  else if (action === 'stop') board.heal(id, 'scenario')
  else board.setSeverity(id, severity)
}
