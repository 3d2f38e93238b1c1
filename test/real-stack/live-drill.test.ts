/** `firedrill live` as users run it, with a real Kafka, Loki and Jaeger: the verdict is theirs too, and nothing stands in for them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import type { LiveAccount } from '../../simulator/report/live-account.ts'
import { builtCommand } from '../cli/built-command.ts'
import {
  currentPrometheus,
  type RunningJaeger,
  type RunningKafka,
  type RunningServer,
  startJaeger,
  startKafka,
  startLoki,
  whyMissing,
} from './servers.ts'

const reason =
  whyMissing('kafka', 'loki', 'jaeger', 'prometheus') ??
  (findBinary('alertmanager', process.env) ? undefined : 'no alertmanager on the PATH (./bootstrap)')

/** The panel can only move by the lag that the broker itself tells. */
const scenario = `
format: 1
scenario: live-stall
title: The consumer stalls for a while
tags: [test]
seed: 7
clock: { start: 2026-01-05T09:00:00Z, length: 8m }
world: recommender-small
load:
  - { perSecond: 3 }
events:
  - { id: stall, at: 3m, fault: consumer.stall, target: { service: data-pipeline, topic: interactions }, hold: 3m }
expect:
  # Eight times as fast, latencies are those of a machine that may have other work.
  otherwise: may
  panels:
    - { dashboard: system-health, panel: Kafka consumer lag, during: stall, moves: up }
`

describe.skipIf(reason)(`a live drill with real servers${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let kafka: RunningKafka
  let loki: RunningServer
  let jaeger: RunningJaeger
  let folder: string
  let report: RunReport & { readonly live: LiveAccount }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firedrill-live-drill-'))
    ;[kafka, loki, jaeger] = await Promise.all([startKafka(), startLoki(), startJaeger()])
    const file = join(folder, 'live-stall.yaml')
    writeFileSync(file, scenario)
    const servers = ['--kafka', kafka.broker, '--loki', loki.url, '--traces', jaeger.otlpUrl]
    const args = ['live', file, '--speed', '8', '--prometheus', currentPrometheus, '--no-compare', ...servers]
    // What it says is judged below, whatever it ends with.
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [await builtCommand(), ...args, '--json', '--report', join(folder, 'out')],
      { cwd: packageRoot(), maxBuffer: 1e8, env: { ...process.env, ENVIRONMENT: 'live-drill' } },
    ).catch((error: { readonly stdout: string; readonly stderr: string }) => error)
    expect(stdout, stderr).not.toBe('')
    report = JSON.parse(stdout)
  }, 240_000)

  afterAll(async () => {
    await Promise.all([kafka?.stop(), loki?.stop(), jaeger?.stop()])
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  test('is judged by what they told, and says that nothing stood in for them', () => {
    const [drill] = report.drills
    const failed = [drill!.alerts, drill!.panels, drill!.logs, drill!.traces].flat().filter(({ ok }) => !ok)
    expect(failed).toEqual([])
    expect(drill).toMatchObject({ verdict: 'held', effects: [{ event: 'stall', ok: true }] })
    expect(drill!.panels.find(({ panel }) => panel === 'Kafka consumer lag')).toMatchObject({ ok: true, moves: 'up' })
    expect(drill!.notes.filter((note) => /stand-ins|no Kafka broker/.test(note))).toEqual([])
    expect(readFileSync(join(folder, 'out', 'drills', 'live-stall.html'), 'utf8')).toContain('id="live"')
  })

  test('leaves every log line in Loki', async () => {
    const { delivered } = report.drills[0]!.accounting.logs
    const query = new URLSearchParams({ query: 'sum(count_over_time({env="live-drill"}[30m]))' })
    const counted = async () => {
      const answer = await fetch(`${loki.url}/loki/api/v1/query?${query}`)
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      return Number(data.result[0]?.value[1])
    }
    await expect.poll(counted, { timeout: 30_000 }).toBe(delivered)
    expect(delivered).toBeGreaterThan(50)
  })

  test('leaves traces of all three services in Jaeger', async () => {
    const services = async () => ((await (await fetch(`${jaeger.url}/api/services`)).json()) as { data: string[] }).data
    await expect
      .poll(services, { timeout: 30_000 })
      .toEqual(expect.arrayContaining(['backend-api', 'ml-engine', 'data-pipeline']))
  })
})
