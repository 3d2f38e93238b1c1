/** What a scenario expects of logs and traces, asked of servers that were given the drill's signals as `run --push` does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { askServers } from '../../simulator/expectations/ask-servers.ts'
import { placeInTime } from '../../simulator/push/place-in-time.ts'
import { pushDrill } from '../../simulator/push/push-drill.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { shippedDrill, shippedSetup } from '../drill/run-scenario.ts'
import { signalsDashboard } from '../expectations/signals-dashboard.ts'
import { type RunningJaeger, type RunningServer, startJaeger, startLoki, whyMissing } from './servers.ts'

const reason = whyMissing('loki', 'jaeger')
const nothing = { alerts: [], effects: [], steady: undefined, panels: [], logs: [], traces: [], notes: [] }
const held = { verdict: 'held', exitCode: 0, ...nothing } as unknown as DrillResult

describe.skipIf(reason)(`a real Loki and a real Jaeger${reason ? `: skipped, ${reason}` : ''}`, () => {
  // Its one failure is of a certain reason, and the trace of it is linked to its log lines.
  const drill = placeInTime(shippedDrill('etl-job-failure'), { endingMs: Date.now() })
  let folder: string
  let loki: RunningServer
  let jaeger: RunningJaeger

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firedrill-ask-'))
    ;[loki, jaeger] = await Promise.all([startLoki(), startJaeger()])
  }, 120_000)
  afterAll(async () => {
    await Promise.all([loki?.stop(), jaeger?.stop()])
    rmSync(folder, { recursive: true, force: true })
  })

  test('that were given nothing say so: nothing is taken over from the captured signals', async () => {
    const result = await ask(drill)
    expect(result).toMatchObject({ verdict: 'expectation failed', exitCode: 1 })
    expect(result.logs[0]).toMatchObject({ ok: false })
    expect(result.logs[0]!.detail).toMatch(/^0 lines, expected 1 to 1: /)
    expect(result.traces[0]).toMatchObject({ ok: false })
  })

  test('hold what the scenario expects, once the drill was pushed', async () => {
    await push(drill)
    const result = await eventually(() => ask(drill))
    expect(result.logs).toEqual([
      { what: expect.stringMatching(/^log data-pipeline etl_failed .*\(Loki\)$/), ok: true, detail: '1 line' },
    ])
    expect(result.traces).toEqual([
      {
        what: expect.stringMatching(/^traces of data-pipeline with an error during fail \(Jaeger\)$/),
        ok: true,
        detail: expect.any(String),
      },
    ])
    expect(result.exitCode).toBe(0)
  }, 240_000)

  test('fail the drill when it expects what is not in them', async () => {
    const { logs, traces } = drill.expect
    const expected = {
      logs: logs.map((one) => ({ ...one, fields: { reason: 'no_such_reason' } })),
      traces: traces.map((one) => ({ ...one, slowerThanMs: 3_600_000 })),
    }
    const result = await ask({ ...drill, expect: { ...drill.expect, ...expected } })
    expect(result).toMatchObject({ verdict: 'expectation failed', exitCode: 1 })
    expect([...result.logs, ...result.traces].map(({ ok }) => ok)).toEqual([false, false])
  })

  test('answer the panels of a dashboard, too', async () => {
    const panels = ['Errors', 'Lines', 'Requests'].map((panel) => ({
      ...{ dashboard: 'signals', panel, refId: 'A', state: 'not judged', expected: null, ok: true },
      detail: '',
    }))
    const unjudged = { ...held, panels } as unknown as DrillResult
    const servers = { loki: loki.url, jaeger: jaeger.url, dashboards: [await signalsDashboard()] }
    const result = await askServers(unjudged, drill, servers)
    expect(result.panels.map(({ panel, state, ok }) => ({ panel, state, ok }))).toEqual([
      { panel: 'Errors', state: 'data', ok: true },
      { panel: 'Lines', state: 'data', ok: true },
      { panel: 'Requests', state: 'data', ok: true },
    ])
  })

  function ask(one: Drill): Promise<DrillResult> {
    return askServers(held, one, { loki: loki.url, jaeger: jaeger.url })
  }

  async function push(one: Drill): Promise<void> {
    const { config, groups } = await shippedSetup()
    const result = await pushDrill(one, {
      config,
      latticeMs: drillLattice(config, groups),
      prometheusVersion: '3.16.0',
      targets: { loki: loki.url, otlp: jaeger.otlpUrl },
      environment: 'test',
      clock: wallClock,
      openMetricsFile: join(folder, 'unused.openmetrics'),
      folder,
      onProgress: () => {},
      isInterrupted: () => false,
    })
    if (result.problems) throw new Error(result.problems.join('\n'))
    expect(result.signals.map(({ kind, ok }) => ({ kind, ok }))).toEqual([
      { kind: 'loki', ok: true },
      { kind: 'otlp', ok: true },
    ])
  }
})

/** Servers take a moment to show what they took. @returns the first result that holds, or the last one */
async function eventually(ask: () => Promise<DrillResult>): Promise<DrillResult> {
  const endMs = Date.now() + 30_000
  for (;;) {
    const result = await ask()
    if (result.exitCode === 0 || Date.now() > endMs) return result
    await setTimeout(500)
  }
}
