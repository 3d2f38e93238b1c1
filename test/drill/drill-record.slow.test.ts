/** A record is judged as the drill itself: simulate once, judge many. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judgeRecord, openRecord, recordDrill } from '../../simulator/drill/drill-record.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import type { LoadedSetup } from '../../simulator/drill/drill-setup.ts'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { runShipped, shippedDrill, shippedSetup, testEngine } from './run-scenario.ts'

const drill = shippedDrill('service-down')
const folder = mkdtempSync(join(tmpdir(), 'firedrill-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  const setup = await shippedSetup()
  await recordDrill(drill, folder, {
    config: setup.config,
    latticeMs: drillLattice(setup.config, setup.groups),
    prometheusVersion: (await testEngine()).version,
    selects: () => true,
  })
}, 60_000)

async function judge(setup: LoadedSetup, expected: Drill = drill): Promise<DrillResult> {
  const engine = await testEngine()
  const own = createEmbeddedJudge(engine)
  try {
    return await judgeRecord(openRecord(folder), folder, expected, { ...setup, wallClock: () => 0 }, own)
  } finally {
    await own.close()
  }
}

test('gives what running the drill gives, the account of signals included', async () => {
  const setup = await shippedSetup()
  const run = await runShipped(drill, setup)
  expect(run.verdict).toBe('held')
  expect(await judge(setup)).toEqual(run)
})

test('a record can be judged with other rules', async () => {
  const setup = await shippedSetup({ rules: (text) => text.replace('for: 1m', 'for: 9m') })
  const result = await judge(setup)
  expect(result.verdict).toBe('expectation failed')
  expect(result).toEqual(await runShipped(drill, setup))
})

test('a record can be judged with other expectations, also of logs', async () => {
  const logs = [{ ...drill.expect.logs[0]!, service: 'backend-api', event: 'request_started', atLeast: 1_000_000 }]
  const result = await judge(await shippedSetup(), { ...drill, expect: { ...drill.expect, logs } })
  expect(result.logs[0]).toMatchObject({ ok: false })
})
