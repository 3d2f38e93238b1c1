/** What the findings cost: processor time of the same drills with everything that a run looks for, and with nothing of it. */
import { findingsInRun } from '../../simulator/findings/look-for-findings.ts'
import { mergeSurveys, type Survey } from '../../simulator/findings/survey.ts'
import { runBy, shippedDrillOf } from './bench-drills.ts'
import type { Bench, Figure } from './figure.ts'
import { timed } from './figure.ts'

const scenarios = ['kafka-lag-spike', 'service-down', 'database-outage']
/** Once is not enough where a collection of garbage falls into one of the two. */
const rounds = 2

export const findingsFigure: Figure = {
  name: 'findings',
  title: `default findings looked for in ${scenarios.join(', ')}`,
  async measure(bench) {
    await runBy('embedded', shippedDrillOf('service-down'), bench)
    let without = 0
    let withFindings = 0
    for (let round = 0; round < rounds; round += 1) {
      without += (await timed(() => drillAll(bench, false))).processorSeconds
      withFindings += (await timed(() => drillAll(bench, true))).processorSeconds
    }
    return {
      value: (withFindings / without - 1) * 100,
      unit: '% more processor time than without findings',
      target: { most: 30 },
      comparisons: [{ to: 'the same drills without findings', ratio: withFindings / without }],
      profile: 'node --cpu-prof dist/test/bench/main.js --only findings',
    }
  },
}

async function drillAll(bench: Bench, looksForFindings: boolean): Promise<void> {
  const { config, groups } = bench
  const surveys: Survey[] = []
  const options = looksForFindings ? { onSurvey: (survey: Survey) => surveys.push(survey) } : { looksForFindings }
  const results = []
  for (const scenario of scenarios) results.push(await runBy('embedded', shippedDrillOf(scenario), bench, options))
  if (!looksForFindings) return
  const survey = mergeSurveys(surveys)
  findingsInRun({
    config,
    groups,
    alertmanager: undefined,
    documentation: undefined,
    panelQueries: [],
    survey,
    results,
  })
}
