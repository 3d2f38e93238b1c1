/** When an alert really fires: what happens before the first scrapes of a drill is nobody's alarm. */
import type { AlertInstance, AlertResult } from '../drill/drill-result.ts'

/** Until every target was scraped, `absent()` and its like are true. */
const warmUpS = 120

/** Earliest times of firing, seconds since the start of the drill, over all instances. */
export function firingTimes({ instances }: AlertResult): number[] {
  return instances.flatMap(firingTimesOf)
}

export function isFiring(alert: AlertResult): boolean {
  return firingTimes(alert).length > 0
}

function firingTimesOf({ episodes }: AlertInstance): number[] {
  return episodes.flatMap(({ firingAt, resolvedAt }) =>
    firingAt !== null && (resolvedAt === null || resolvedAt[1] > warmUpS) ? [firingAt[0]] : [],
  )
}
