/** The command line proves the same with each judge; a server of another version may only differ in times and digits. */
import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import { builtCommand } from '../cli/built-command.ts'

/** One with a ratio of rates, one with a histogram, one with gauges, one with a target that is gone. */
const scenarios = ['service-down', 'high-error-rate', 'high-latency-p95', 'disk-space-low']

describe.each(['embedded', 'prometheus'] as const)('with the judge %s', (judge) => {
  test('every expectation of some scenarios holds', async (context) => {
    if (judge === 'prometheus' && !findBinary('prometheus', process.env))
      return context.skip('prometheus is not installed (./bootstrap)')
    const { drills, exitCode } = await run(judge)
    expect(exitCode).toBe(0)
    expect(drills.map(({ scenario, verdict }) => [scenario, verdict])).toEqual(scenarios.map((name) => [name, 'held']))
    for (const { judge: used } of drills) {
      expect(used.kind).toBe(judge)
      expect(used.version).toMatch(/^\d+\.\d+\.\d+$/)
    }
  })
})

async function run(judge: string): Promise<RunReport & { exitCode: number }> {
  const command = [
    await builtCommand(),
    'run',
    ...scenarios,
    '--no-twins',
    '--no-dashboards',
    '--judge',
    judge,
    '--json',
  ]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr || error?.message))
      else resolve({ ...(JSON.parse(stdout) as RunReport), exitCode: typeof error?.code === 'number' ? error.code : 0 })
    })
  })
}
