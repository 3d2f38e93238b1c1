/** A target of the scrape config behind which nothing is simulated: its rules can't be drilled. */
import type { FindingDefinition } from './finding.ts'

export const targetNotSimulated: FindingDefinition = {
  code: 'target-not-simulated',
  severity: 'info',
  title: 'a scrape target that is not simulated',
  *inFiles({ survey }) {
    for (const { job, place, address, process, nearest } of survey?.targets ?? []) {
      if (process !== undefined) continue
      yield {
        where: place,
        message: `target ${address} of job ${job} is not simulated`,
        evidence: `nothing listens there: up is 0 in every drill${nearest ? `; the nearest is ${nearest}` : ''}`,
      }
    }
  },
}
