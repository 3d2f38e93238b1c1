/** `--judge auto`: which judge a drill gets. The embedded one, unless the drill is so large that a server is faster. */
import type { JudgeIdentity } from '../judge/judge.ts'
import { estimateSeries } from '../scenario/estimate-series.ts'
import type { Drill } from '../scenario/scenario.ts'

/**
 * Series times hours from which a private server needs less CPU than the embedded engine, its start and the way to it
 * included. Measured; see docs/decisions.md.
 */
const seriesHoursMin = 5_000

/**
 * @param server the server that is there; one of another major version would give other verdicts, so it is not taken
 * @returns the judge of each drill
 */
export function autoJudge(embedded: JudgeIdentity, server: JudgeIdentity | undefined): (drill: Drill) => JudgeIdentity {
  return (drill) => {
    if (server === undefined || major(server) !== major(embedded)) return embedded
    const seriesHours = estimateSeries(drill.world, drill.lengthMs) * (drill.lengthMs / 3_600_000)
    return seriesHours >= seriesHoursMin ? server : embedded
  }
}

function major({ version }: JudgeIdentity): string {
  return version.split('.')[0]!
}
