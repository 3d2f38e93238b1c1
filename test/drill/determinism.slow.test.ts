/** Same seed, same bytes: in any number of workers, on any supported Node. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import { builtCommand } from '../cli/built-command.ts'
import { runShipped, shippedDrill, shippedSetup } from './run-scenario.ts'

const run = promisify(execFile)
const firedrill = join(packageRoot(), 'bin', 'firedrill.js')
const drills = ['service-down', 'database-down/too-short', 'redis-down']
const arguments_ = [firedrill, 'run', ...drills, '--no-twins', '--json']

/** What must be the same: everything but the wall time. */
async function reportOf(file: string, args: readonly string[]): Promise<RunReport> {
  const { stdout } = await run(file, [...args], { cwd: packageRoot(), maxBuffer: 64 * 1024 * 1024 })
  const report = JSON.parse(stdout) as RunReport
  return { ...report, drills: report.drills.map((drill) => ({ ...drill, wallSeconds: 0 })) }
}

describe('the same seed', () => {
  let inOneWorker: RunReport
  beforeAll(async () => {
    await builtCommand()
    inOneWorker = await reportOf(process.execPath, [...arguments_, '--workers', '1'])
  }, 120_000)

  test('gives the same report twice', async () => {
    expect(await reportOf(process.execPath, [...arguments_, '--workers', '1'])).toEqual(inOneWorker)
  })

  test('gives the same report in two workers', async () => {
    expect(await reportOf(process.execPath, [...arguments_, '--workers', '2'])).toEqual(inOneWorker)
  })

  test('gives the same report on Node 24', async (context) => {
    const version = await run('npx', ['-y', 'node@24', '--version']).catch((error: Error) => error)
    if (version instanceof Error) return context.skip(`node@24 is not to be had: ${version.message.split('\n')[0]}`)
    expect(version.stdout).toMatch(/^v24\./)
    expect(await reportOf('npx', ['-y', 'node@24', ...arguments_])).toEqual(inOneWorker)
  })

  test('gives another stream than another seed', async () => {
    const other = await reportOf(process.execPath, [...arguments_, '--no-dashboards', '--seed', '43'])
    const hashes = inOneWorker.drills.map(({ streamHash }) => streamHash)
    for (const { streamHash } of other.drills) expect(hashes).not.toContain(streamHash)
  })
})

test('a random stream that nobody else uses changes nothing', async () => {
  const drill = shippedDrill('service-down')
  const short = { ...drill, lengthMs: 240_000, events: [], steady: undefined }
  const setup = await shippedSetup()
  const before = await runShipped(short, setup)
  const after = await runShipped(short, setup, {
    onWorld(world) {
      // Draws while the drill runs, from a label of its own.
      const stream = world.fork('a feature of tomorrow')
      const draw = () => {
        stream.next()
        world.kernel.after(100, draw)
      }
      world.kernel.after(0, draw)
    },
  })
  expect(after.streamHash).toBe(before.streamHash)
})
