/** After an edit only what it touches is judged again, and the result is that of judging everything. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import { loadDashboards } from '../../simulator/dashboards/load-dashboards.ts'
import { type DrillParts, noParts } from '../../simulator/drill/drill-parts.ts'
import { type DrillRecord, judgeRecord, recordDrill, surveyRecord } from '../../simulator/drill/drill-record.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { fileSource, type LoadedSetup } from '../../simulator/drill/drill-setup.ts'
import { type JudgedAgain, judgeAgain } from '../../simulator/drill/judge-again.ts'
import type { JudgeDrillOptions } from '../../simulator/drill/run-drill.ts'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import type { Survey } from '../../simulator/findings/survey.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { runShipped, shippedDrill, shippedSetup, testEngine } from './run-scenario.ts'

const drill = shippedDrill('service-down')
const folder = mkdtempSync(join(tmpdir(), 'firedrill-again-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let setup: LoadedSetup
let dashboards: readonly Dashboard[]
let record: DrillRecord
let first: JudgedAgain

beforeAll(async () => {
  setup = await shippedSetup()
  const engine = await testEngine()
  const grafana = join(packageRoot(), 'observability', 'grafana', 'dashboards')
  dashboards = loadDashboards(grafana, engine, fileSource).dashboards
  const { config, groups } = setup
  const latticeMs = drillLattice(config, groups)
  const options = { config, latticeMs, prometheusVersion: engine.version, selects: () => true }
  record = (await recordDrill(drill, folder, options)).record
  first = await again(setup, noParts)
}, 120_000)

async function optionsOf(changed: LoadedSetup, shown = dashboards): Promise<JudgeDrillOptions> {
  const engine = await testEngine()
  const panels = { dashboards: shown, foreign: false, inspect: (text: string) => engine.inspect(text) }
  return { ...changed, panels, wallClock: () => 0 }
}

async function again(
  changed: LoadedSetup,
  known: DrillParts,
  { shown = dashboards, expected = drill }: { shown?: readonly Dashboard[]; expected?: Drill } = {},
): Promise<JudgedAgain> {
  const judge = createEmbeddedJudge(await testEngine())
  try {
    // Between two edits the parts lie on disk.
    const stored = deserialize(serialize(known)) as DrillParts
    return await judgeAgain(record, folder, expected, await optionsOf(changed, shown), judge, stored)
  } finally {
    await judge.close()
  }
}

async function whole(changed: LoadedSetup, shown = dashboards, expected = drill): Promise<DrillResult> {
  const judge = createEmbeddedJudge(await testEngine())
  try {
    return await judgeRecord(record, folder, expected, await optionsOf(changed, shown), judge)
  } finally {
    await judge.close()
  }
}

test('the first time everything is judged, as in a run', async () => {
  let survey: Survey | undefined
  const { panels } = await optionsOf(setup)
  const run = await runShipped(drill, setup, { panels, onSurvey: (given) => (survey = given) })
  expect(withoutAccounts(first.result)).toEqual(withoutAccounts(run))
  expect(first.rules).toContain('ServiceDown')
  expect(first.panels.length).toBeGreaterThan(50)
  expect(surveyRecord(record, setup.groups, setup.config)).toEqual(survey)
}, 60_000)

/** A run gives the judge what rules and panels select; here everything was kept, since nobody knows what an edit will select. */
function withoutAccounts(result: DrillResult): DrillResult {
  const accounts = ['Signals generated, delivered, dropped', 'Share dropped', 'Accounting']
  return { ...result, panels: result.panels.filter(({ panel }) => !accounts.includes(panel)) }
}

test('a changed rule is judged again, and the panels that show alerts', async () => {
  const slower = await shippedSetup({ rules: (text) => text.replace(/(alert: ServiceDown\n[\s\S]*?for: )\w+/, '$15m') })
  const edited = await again(slower, first.parts)
  expect(edited.rules).toEqual(['ServiceDown'])
  expect(edited.panels).toContain('Alert lanes')
  expect(edited.panels).not.toContain('Kafka consumer lag')
  expect(edited.result.verdict).toBe('expectation failed')
  expect(edited.result).toEqual(await whole(slower))
}, 60_000)

test('a changed recording rule takes with it the alerts that read it', async () => {
  const changed = await shippedSetup({
    rules: (text) => text.replace(/(record: job:slo_availability_errors:ratio_rate1h\n\s+expr: \|\n\s+)1 -/, '$12 -'),
  })
  const edited = await again(changed, first.parts)
  expect(edited.rules).toEqual(['SloAvailabilityBurnFast', 'job:slo_availability_errors:ratio_rate1h'])
  expect(edited.result).toEqual(await whole(changed))
}, 60_000)

test('a changed text is rendered, and nothing is evaluated', async () => {
  const changed = await shippedSetup({
    rules: (text) => text.replace(/(alert: ServiceDown\n[\s\S]*?summary: )'/, "$1'Oh, "),
  })
  const edited = await again(changed, first.parts)
  expect([edited.rules, edited.panels]).toEqual([[], []])
  expect(
    edited.result.alerts.find(({ alertname }) => alertname === 'ServiceDown')?.instances[0]?.annotations.summary,
  ).toMatch(/^Oh, /)
  expect(edited.result).toEqual(await whole(changed))
}, 60_000)

test('of a changed dashboard the changed panel alone is judged again', async () => {
  const renamed = dashboards.map((dashboard) => ({
    ...dashboard,
    panels: dashboard.panels.map((panel) => ({
      ...panel,
      targets: panel.targets.map((target) => ({
        ...target,
        expression: target.expression.replaceAll('kafka_consumer_lag', 'kafka_consumer_lagg'),
      })),
    })),
  }))
  const edited = await again(setup, first.parts, { shown: renamed })
  expect(edited.rules).toEqual([])
  expect(edited.panels).toContain('Kafka consumer lag')
  expect(edited.panels.length).toBeLessThan(5)
  expect(edited.result.verdict).toBe('panel can never show data')
  expect(edited.result).toEqual(await whole(setup, renamed))
}, 60_000)

test('of another expectation nothing is evaluated again', async () => {
  const expected = { ...drill, expect: { ...drill.expect, alerts: { ServiceDown: { kind: 'silent' as const } } } }
  const edited = await again(setup, first.parts, { expected })
  expect([edited.rules, edited.panels]).toEqual([[], []])
  expect(edited.result.verdict).toBe('expectation failed')
  expect(edited.result).toEqual(await whole(setup, dashboards, expected))
}, 60_000)
