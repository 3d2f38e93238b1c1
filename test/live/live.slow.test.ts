/** The live commands as users run them: a drill with the real servers, and a platform that ends without leftovers. */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { LivePlatform } from '../../simulator/live/live-platform.ts'
import { documentedPorts } from '../../simulator/live/platform-settings.ts'
import { freePorts } from '../../simulator/live/ports.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { processesNaming } from '../cli/run-command.ts'
import { shippedDrill, shippedSetup, testEngine } from '../drill/run-scenario.ts'

const haveServers = ['prometheus', 'alertmanager'].every((tool) => findBinary(tool as 'prometheus', process.env))

const scenario = `
format: 1
scenario: live-crash
title: A service dies and comes back
tags: [test]
seed: 7
clock: { start: 2026-01-05T09:00:00Z, length: 10m }
world: recommender-small
load:
  - { perSecond: 1 }
steady: { from: 90s, alerts: none }
events:
  - { id: crash, at: 4m, fault: service.crash, target: { service: data-pipeline }, hold: 3m }
expect:
  alerts:
    ServiceDown:
      because: crash
      labels: { job: data-pipeline, instance: data-pipeline }
      firing: { after: crash, between: [1m, 2m15s] }
      resolved: { after: crash.end, between: [0s, 1m30s] }
      text: complete
  otherwise: silent
  panels:
    - { dashboard: system-health, panel: Service status, during: crash, moves: down }
    - { dashboard: firedrill, panel: Faults in force, during: crash, moves: up }
`

let command: string
let folder: string
beforeAll(async () => {
  command = await builtCommand()
  folder = mkdtempSync(join(tmpdir(), 'firedrill-live-test-'))
  writeFileSync(join(folder, 'live-crash.yaml'), scenario)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!haveServers)('firedrill live (skipped without prometheus and alertmanager)', () => {
  test('proves an alert by the page that Alertmanager sent, and agrees with the virtual world', async () => {
    const out = join(folder, 'out')
    const junit = join(folder, 'live.xml')
    const reports = ['--report', out, '--junit', junit]
    const args = [command, 'live', join(folder, 'live-crash.yaml'), '--speed', '30', '--json', ...reports]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageRoot(), maxBuffer: 1e8 })
    const report = JSON.parse(stdout)
    expect(report.exitCode).toBe(0)
    const sent = report.live.notifications as { status: string; labels: Record<string, string>; annotations: object }[]
    const own = sent.filter(({ labels }) => labels.alertname === 'ServiceDown')
    expect(own.map(({ status }) => status)).toEqual(['firing', 'resolved'])
    expect(own[0]!.labels).toEqual({
      alertname: 'ServiceDown',
      instance: 'data-pipeline',
      job: 'data-pipeline',
      severity: 'critical',
      team: 'zeta',
    })
    expect(own[0]!.annotations).toMatchObject({ summary: 'Service data-pipeline is down' })
    const panels = report.drills[0].panels as { panel: string; state: string; expected: string; detail: string }[]
    expect(panels.filter(({ expected }) => expected)).toMatchObject([
      { panel: 'Faults in force', state: 'data', ok: true },
      { panel: 'Service status', state: 'data', ok: true, moves: 'down', before: 1, during: 0 },
    ])
    expect(panels.filter(({ state }) => state === 'data').length).toBeGreaterThan(40)
    expect(panels.filter(({ state }) => state === 'error')).toEqual([])
    const latency = panels.find(({ panel }) => /latency/i.test(panel))
    expect(latency).toMatchObject({
      state: 'not judged',
      detail: expect.stringMatching(/^not confirmed at 30: it measures/),
    })
    expect(report.live.notConfirmed).toHaveProperty('EmbeddingCacheStale')
    expect(
      report.live.virtual.alerts.find((alert: { alertname: string }) => alert.alertname === 'ServiceDown').ok,
    ).toBe(true)

    expect(JSON.parse(readFileSync(join(out, 'firedrill.json'), 'utf8'))).toEqual(report)
    const cases = readFileSync(junit, 'utf8')
    expect(readFileSync(join(out, 'junit.xml'), 'utf8')).toBe(cases)
    expect(cases).toMatch(/<testsuite name="live-crash" tests="\d+" failures="0" errors="0">/)
    expect(cases).toContain('name="ServiceDown fires"/>')
    // What a speed can't confirm is no case: it neither passed nor failed.
    expect(cases).not.toContain('EmbeddingCacheStale')
    expect(readFileSync(join(out, 'index.html'), 'utf8')).toContain('href="drills/live-crash.html"')
    const page = readFileSync(join(out, 'drills', 'live-crash.html'), 'utf8')
    expect(page).toContain('<b>ServiceDown</b> <code>instance="data-pipeline"</code>')
    expect(page).toMatch(/<h4>Not confirmed at 30<\/h4>.*EmbeddingCacheStale/)
    expect(page).toContain('Why did it fire?')
    expect(page).toContain('firedrill live live-crash --speed 30 --seed 7')
  })
})

describe.skipIf(!haveServers)('at speed 1 (skipped without prometheus and alertmanager)', () => {
  test('the server reads the rule files as they are, wherever they are named from', async () => {
    const { config, groups } = await shippedSetup()
    const drill = shippedDrill('steady-state')
    const engine = await testEngine()
    const file = relative(process.cwd(), groups[0]!.file)
    const own = groups.filter((group) => group.file === groups[0]!.file)
    const platform = new LivePlatform({
      drill: { ...drill, load: [] },
      speed: 1,
      ports: await freePorts('127.0.0.1', Object.keys(documentedPorts)),
      folder: mkdtempSync(join(folder, 'rules-')),
      environment: process.env,
      telemetry: { lokiUrl: undefined, tracesUrl: undefined, tracesExporter: 'otlp' },
      keepsSpans: false,
      kafkaBrokers: undefined,
      prometheus: {
        binary: findBinary('prometheus', process.env)!.path,
        version: 'any',
        config,
        ruleFiles: [file],
        groupCount: own.length,
        parseDuration: (text) => engine.parseDuration(text),
      },
      alertmanager: undefined,
      onLine() {},
      onDeath() {},
      onAudit() {},
    })
    try {
      await platform.start()
      const answer = await fetch(`http://${platform.addressOf('prometheus')}/api/v1/rules`)
      const { data } = (await answer.json()) as {
        data: { groups: { file: string; rules: { name: string; duration: number }[] }[] }
      }
      expect(new Set(data.groups.map((group) => group.file))).toEqual(new Set([groups[0]!.file]))
      const rules = data.groups.flatMap((group) => group.rules)
      expect(rules.find(({ name }) => name === 'ServiceDown')?.duration).toBe(60)
    } finally {
      await platform.stop()
    }
  })
})

describe('processes of a platform', () => {
  test('end by themselves when their launcher is killed', async () => {
    // The launcher prints what its processes are; it dies in the hardest way, without a chance to end them.
    const control = join(folder, 'control.json')
    const child = spawn(process.execPath, [command, 'live', join(folder, 'live-crash.yaml'), '--no-compare'], {
      cwd: packageRoot(),
      env: { ...process.env, FIREDRILL_CONTROL_FILE: control, TMPDIR: folder },
      stdio: 'ignore',
    })
    const mine = () => processesNaming(folder).filter((pid) => pid !== child.pid)
    if (haveServers) await expect.poll(() => mine().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(5)
    child.kill('SIGKILL')
    await expect.poll(mine, { timeout: 15_000 }).toEqual([])
  })
})
