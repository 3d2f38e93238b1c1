import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { placeInTime } from '../../simulator/push/place-in-time.ts'
import { type PushedSignal, pushDrill } from '../../simulator/push/push-drill.ts'
import { wallClock } from '../../simulator/sinks/wall-clock.ts'
import { shippedDrill, shippedSetup } from '../drill/run-scenario.ts'
import { binFolder, type RunningServer, startPrometheus, whyMissing } from './servers.ts'

const reason = whyMissing('prometheus')
const execute = promisify(execFile)

describe.skipIf(reason)(`a drill pushed into a real Prometheus${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let folder: string
  let prometheus: RunningServer

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firedrill-push-'))
    prometheus = await startPrometheus('current')
  })
  afterAll(async () => {
    await prometheus?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('arrives whole while the server is empty', async () => {
    const signal = await push(Date.now(), 0)
    expect(signal.accounting.delivered).toBe(signal.accounting.generated)
    const own = await (await fetch(`${prometheus.url}/metrics`)).text()
    const appended = /^prometheus_tsdb_head_samples_appended_total\{type="float"\} (\S+)$/m.exec(own)
    expect(Number(appended?.[1])).toBe(signal.accounting.delivered)
  })

  test('goes to an OpenMetrics file when it is too old by now, and promtool makes blocks of it', async () => {
    const signal = await push(Date.now() - 86_400_000, 2 * 3_600_000)
    expect(signal.notes[0]).toMatch(/does not take samples of that age: it has newer samples already/)
    const file = join(folder, 'old.openmetrics')
    await execute(join(binFolder, 'promtool'), [
      'tsdb',
      'create-blocks-from',
      'openmetrics',
      file,
      join(folder, 'blocks'),
    ])
    expect(readdirSync(join(folder, 'blocks')).length).toBeGreaterThan(0)
  })

  async function push(endingMs: number, historyMs: number): Promise<PushedSignal> {
    const { config, groups } = await shippedSetup()
    const result = await pushDrill(placeInTime(shippedDrill('service-down'), { endingMs, historyMs }), {
      config,
      latticeMs: drillLattice(config, groups),
      prometheusVersion: '3.16.0',
      targets: { prometheus: prometheus.url },
      environment: 'test',
      clock: wallClock,
      openMetricsFile: join(folder, 'old.openmetrics'),
      folder,
      onProgress: () => {},
      isInterrupted: () => false,
    })
    if (result.problems) throw new Error(result.problems.join('\n'))
    return result.signals[0]!
  }
})
