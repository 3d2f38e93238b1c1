/**
 * Findings that need samples: the bad and the good rules of each run side by side through the same few drills of the
 * shipped platform, so that what is found is measured and nothing is made up.
 */
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { RuleGroup } from '../../simulator/alerts/load-rules.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { deepDrills, surveyDrillOf } from '../../simulator/findings/deep-drills.ts'
import { findingsInFiles, findingsInRun, type RunFinding } from '../../simulator/findings/look-for-findings.ts'
import { mergeSurveys, type Survey } from '../../simulator/findings/survey.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import type { PrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'
import { runShipped, shippedDrill, testEngine } from '../drill/run-scenario.ts'
import { configOf, fixtures, loadFixture, rulesIn } from './finding-fixture.ts'

/** Code, and what its message and evidence must name. */
const cases: readonly (readonly [code: string, ...words: readonly string[]])[] = [
  ['duplicate-coverage', 'DuplicateBadTwo'],
  ['evaluation-failed', 'many-to-many'],
  ['fires-when-idle', 'IdleBad', 'no request from 08:00 on'],
  ['fires-without-fault', 'WithoutFaultBad', '1 drill without a fault'],
  ['first-failure-missed', 'etl_job_failures_total{', 'with the value 1'],
  ['limit-zero-read-as-full', 'container_spec_memory_limit_bytes', 'always 0', 'with the value +Inf'],
  ['never-resolves', 'NeverResolvesBad', 'still fires'],
  ['quantile-beyond-buckets', 'finite buckets from 0.005 to 10'],
  ['rule-not-judged', 'NotJudgedBad', 'a negative offset'],
  ['selector-matches-nothing', 'the nearest is http_requests_total'],
]

let findings: readonly RunFinding[] = []

beforeAll(async () => {
  const engine = await testEngine()
  const config = configOf(join('observability', 'prometheus', 'prometheus.yml'), engine)
  const groups = cases.flatMap(([code]) =>
    ['bad', 'good'].flatMap((kind) => rulesIn(join(fixtures, code, kind, 'rules.yml'), engine)),
  )
  const crash = calm(shippedDrill('service-down'), 13)
  const etl = calm(shippedDrill('etl-job-failure'), 31)
  const [idle, quiet] = deepDrills(crash, 1)
  const drills = [
    crash,
    { ...crash, name: 'service-down-again', seed: 7 },
    { ...etl, world: { ...etl.world, counters: { ...etl.world.counters, 'data-pipeline': 'lazy' as const } } },
    { ...calm(idle!, 18), load: [{ ...idle!.load[0]!, fromPerSecond: 2, toPerSecond: 2 }, idle!.load[1]!] },
    calm(quiet!, 7),
  ]
  const { results, survey } = await runAll(drills, config, groups)
  const files = { config, groups, alertmanager: undefined, documentation: undefined, panelQueries: [] }
  findings = findingsInRun({ ...files, survey, results }).findings
}, 240_000)

describe.each(cases)('%s', (code, ...words) => {
  test('is found in the bad rules, with evidence', () => {
    const found = findings.filter((finding) => finding.code === code && finding.where.includes(`/${code}/bad/`))
    expect(found.length).toBeGreaterThan(0)
    const text = found.map(({ message, evidence }) => `${message}\n${evidence}`).join('\n')
    for (const word of words) expect(text).toContain(word)
  })

  test('is gone in the good rules, and nothing else is there', () => {
    const found = findings.filter(({ where, severity }) => where.includes(`/${code}/good/`) && severity !== 'info')
    expect(found).toEqual([])
  })
})

describe.each([
  ['metric-not-used', 'cache_hits_total'],
  ['rule-unreachable', 'dropped by test/fixtures/findings/rule-unreachable/bad/prometheus.yml:12'],
  ['target-not-simulated', 'the nearest is backend-api:8000'],
])('%s, with a scrape config or documents of its own', (code, words) => {
  test('is found in the bad folder and gone in the good one', async () => {
    const [bad, good] = await Promise.all(['bad', 'good'].map((kind) => surveyed(join(fixtures, code, kind))))
    const found = bad!.filter((finding) => finding.code === code)
    expect(found.map(({ message, evidence }) => `${message}\n${evidence}`).join('\n')).toContain(words)
    expect(good!.filter((finding) => finding.code === code || finding.severity !== 'info')).toEqual([])
  })
})

async function surveyed(folder: string) {
  const subject = loadFixture(folder, await testEngine())
  const { survey } = await runAll([surveyDrillOf(shippedDrill('steady-state'))], subject.config, subject.groups)
  return findingsInFiles({ ...subject, survey })
}

async function runAll(drills: readonly Drill[], config: PrometheusConfig, groups: readonly RuleGroup[]) {
  const surveys: Survey[] = []
  const results: DrillResult[] = []
  for (const drill of drills) {
    const setup = { config, groups, alerts: [], foreignRules: true, dashboards: [], dashboardProblems: [] }
    results.push(await runShipped(drill, setup, { onSurvey: (survey) => surveys.push(survey) }))
  }
  return { results, survey: mergeSurveys(surveys) }
}

/** Without expectations of the shipped rules, at little load, and of another length. */
function calm(drill: Drill, minutes: number): Drill {
  const lengthMs = minutes * 60_000
  return {
    ...drill,
    lengthMs,
    load: [{ startMs: 0, endMs: lengthMs, fromPerSecond: 2, toPerSecond: 2, daily: 0 }],
    steady: undefined,
    events: drill.events.map((event) => ({ ...event, endMs: Math.min(event.endMs, lengthMs) })),
    expect: { alerts: {}, otherwise: 'may', logs: [], traces: [], panels: [] },
  }
}
