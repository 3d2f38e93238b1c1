/** How long it takes to prove two alerts by the pages that a real Alertmanager sends, the virtual run to compare with included. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import { type Figure, timed } from './figure.ts'

const speed = 60
/** ServiceDown waits one minute, HighMemoryUsage ten. */
const scenario = `
format: 1
scenario: two-alerts
title: A service dies, and another one runs out of memory
tags: [bench]
seed: 42
clock: { start: 2026-01-05T09:00:00Z, length: 32m }
world: recommender-small
load:
  - { perSecond: 6 }
steady: { from: 5m, alerts: none }
events:
  - { id: leak, at: 7m, fault: memory.leak, target: { container: backend-api }, perMinute: 120MiB, hold: 4m45s }
  - { id: crash, at: 13m, fault: service.crash, target: { service: data-pipeline }, hold: 4m }
  - { id: restart, at: 25m, fault: service.restart, target: { service: backend-api } }
expect:
  alerts:
    ServiceDown:
      because: crash
      labels: { job: data-pipeline, instance: data-pipeline }
      firing: { after: crash, between: [1m, 2m15s] }
      resolved: { after: crash.end, between: [0s, 1m30s] }
      text: complete
    HighMemoryUsage:
      because: leak
      labels: { job: cadvisor, instance: cadvisor, name: backend-api }
      firing: { after: leak, between: [14m, 16m30s] }
      resolved: { after: restart, between: [0s, 2m] }
      text: complete
  otherwise: silent
`

interface LiveReport extends RunReport {
  readonly live: { readonly jitterMs: number }
}

export const liveSpeedFigure: Figure = {
  name: 'live-speed',
  title: `\`firedrill live --speed ${speed}\`: a 1 minute and a 10 minute alert, firing and resolved`,
  async measure({ prometheus, folder }) {
    if (!prometheus || !findBinary('alertmanager', process.env)) {
      const to = 'a real Prometheus and Alertmanager: they are not installed'
      return { value: Number.NaN, unit: 's', comparisons: [{ to, ratio: undefined }] }
    }
    const file = join(folder, 'two-alerts.yaml')
    writeFileSync(file, scenario)
    const { seconds, result } = await timed(() => firedrill(['live', file, '--speed', String(speed), '--json']))
    const [drill] = result.drills
    const proven = drill!.alerts.filter(({ expected, ok, resolvedAt }) => expected === 'fires' && ok && resolvedAt)
    if (proven.length !== 2) {
      throw new Error(
        `not proven: ${drill!.alerts.filter(({ ok }) => !ok).map(({ alertname, detail }) => `${alertname}: ${detail}`)}`,
      )
    }
    return {
      value: seconds,
      unit: `s; this machine was up to ${result.live.jitterMs} ms late`,
      target: { most: 90 },
      comparisons: [{ to: 'the virtual time that it covers', ratio: seconds / drill!.virtualSeconds }],
      profile:
        'node bin/firedrill.js live two-alerts.yaml (the machine may be too slow for the speed: its notes say so)',
    }
  },
}

function firedrill(args: readonly string[]): Promise<LiveReport> {
  const command = join(packageRoot(), 'bin', 'firedrill.js')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [command, ...args], { maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && stdout === '') reject(new Error(stderr.slice(0, 500)))
      else resolve(JSON.parse(stdout) as LiveReport)
    })
  })
}
