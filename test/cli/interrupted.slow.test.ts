/** What is left when a run ends early: nothing. No server, no temporary folder, and a result that says what happened. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { findBinary } from '../../simulator/judge/prometheus/find-binary.ts'
import { killRun, type Running, startFiredrill, until } from './run-command.ts'

const prometheus = findBinary('prometheus', process.env)
/** Runs for minutes, so it is surely interrupted in the middle. */
const longRun = ['run', 'steady-day']

/** A test that fails must not leave a run of minutes behind. */
let run: Running | undefined
afterEach(async () => {
  await killRun(run)
  run = undefined
})

describe('Ctrl-C', () => {
  test.for([
    { signal: 'SIGINT', judge: 'embedded' },
    { signal: 'SIGTERM', judge: 'embedded' },
    { signal: 'SIGINT', judge: 'prometheus' },
  ] as const)(
    '$signal ends a run with the $judge judge by 130, and leaves nothing',
    async ({ signal, judge }, context) => {
      if (judge === 'prometheus' && !prometheus) return context.skip('prometheus is not installed')
      const started = await startFiredrill([...longRun, '--judge', judge])
      run = started
      await until('the drill runs', () =>
        judge === 'prometheus' ? started.servers().length > 0 : readdirSync(started.temporaryFolder).length > 0,
      )
      started.child.kill(signal)
      const { code, stderr, left, orphans } = await started.ended
      expect(stderr).toContain('interrupted')
      expect({ code, left, orphans }).toEqual({ code: 130, left: [], orphans: [] })
    },
  )
})

describe.skipIf(!prometheus)('Prometheus that is killed during a run', () => {
  test('ends it with exit code 6, a sentence, and nothing left', async () => {
    const started = await startFiredrill([...longRun, '--judge', 'prometheus'])
    run = started
    await until('Prometheus has taken samples', () => hasSamples(started.temporaryFolder))
    for (const pid of started.servers()) process.kill(pid, 'SIGKILL')
    const { code, stdout, left, orphans } = await started.ended
    // Where a query was under way, the line names its rule first.
    expect(stdout).toMatch(/✗ judge did not answer .*Prometheus ended during the drill \(SIGKILL\)/)
    expect(stdout).not.toMatch(/\n\s+at /)
    expect({ code, left, orphans }).toEqual({ code: 6, left: [], orphans: [] })
  })
})

describe.skipIf(!prometheus)('Firedrill that is killed itself', () => {
  test('leaves no Prometheus behind, and nothing of its data', async () => {
    const started = await startFiredrill([...longRun, '--judge', 'prometheus'])
    run = started
    await until('Prometheus has taken samples', () => hasSamples(started.temporaryFolder))
    const before = readdirSync(started.temporaryFolder, { recursive: true, encoding: 'utf8' })
    expect(before.filter(isServerFolder)).not.toEqual([])
    started.child.kill('SIGKILL')
    const { left, orphans } = await started.ended
    expect({ servers: left.filter(isServerFolder), orphans }).toEqual({ servers: [], orphans: [] })
  })
})

function isServerFolder(name: string): boolean {
  return /prometheus-[^/]+$/.test(name)
}

/** Whether the write-ahead log of the server in there has more than its head. */
function hasSamples(temporaryFolder: string): boolean {
  const files = readdirSync(temporaryFolder, { recursive: true, encoding: 'utf8' })
  return files.some((name) => /wal\/\d+$/.test(name) && statSync(join(temporaryFolder, name)).size > 100_000)
}
