/** What a user waits for: everything, and a single drill from a cold start. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../simulator/package-root.ts'
import type { RunReport } from '../../simulator/report/json.ts'
import type { Figure } from './figure.ts'
import { timed } from './figure.ts'

export const coldFigure: Figure = {
  name: 'cold',
  title: '`firedrill run service-down` from a cold start to the verdict',
  async measure() {
    const withTwins = await timed(() => firedrill(['run', 'service-down']))
    const { seconds } = await timed(() => firedrill(['run', 'service-down', '--no-twins']))
    const version = await timed(() => firedrill(['--version']))
    const node = await timed(() => nodeAlone())
    return {
      value: withTwins.seconds,
      unit: 's, with its twins',
      target: { most: 5 },
      comparisons: [
        { to: 'the same without its twins', ratio: withTwins.seconds / seconds },
        { to: 'firedrill --version', ratio: seconds / version.seconds },
        { to: 'node -e 0', ratio: seconds / node.seconds },
      ],
    }
  },
}

export const runAllFigure: Figure = {
  name: 'run-all',
  title: '`firedrill run --all`, scenarios and twins',
  async measure() {
    const { seconds, result } = await timed(() => firedrill(['run', '--all', '--json']))
    const { drills } = JSON.parse(result) as RunReport
    const virtualS = drills.reduce((sum, drill) => sum + drill.virtualSeconds, 0)
    const oneAfterTheOther = drills.reduce((sum, drill) => sum + drill.wallSeconds, 0)
    return {
      value: seconds,
      unit: `s for ${drills.length} drills`,
      target: { most: 90 },
      comparisons: [
        { to: 'the virtual time that they cover', ratio: seconds / virtualS },
        { to: 'the same drills one after the other', ratio: seconds / oneAfterTheOther },
      ],
      profile: 'node --cpu-prof --cpu-prof-dir=out bin/firedrill.js run high-memory-usage --workers 1',
    }
  },
}

export const judgesFigure: Figure = {
  name: 'judges',
  title: '`firedrill run --all` with the embedded judge, against a private Prometheus',
  async measure({ prometheus }) {
    const all = ['run', '--all', '--json', '--judge']
    const embedded = await timed(() => firedrill([...all, 'embedded']))
    const server = prometheus && (await timed(() => firedrill([...all, 'prometheus'])))
    if (!server) {
      const comparison = { to: 'a private Prometheus: it is not installed', ratio: undefined }
      return { value: embedded.seconds, unit: 's', comparisons: [comparison] }
    }
    return {
      value: embedded.seconds / server.seconds,
      unit: 'x the wall time with a private Prometheus',
      target: { most: 2 },
      comparisons: [
        { to: 'the virtual time that they cover', ratio: embedded.seconds / virtualSeconds(embedded.result) },
      ],
      profile: 'node --cpu-prof --cpu-prof-dir=out bin/firedrill.js run high-memory-usage --workers 1',
    }
  },
}

function virtualSeconds(json: string): number {
  const { drills } = JSON.parse(json) as RunReport
  return drills.reduce((sum, drill) => sum + drill.virtualSeconds, 0)
}

/** @returns what it prints */
function firedrill(args: readonly string[]): Promise<string> {
  return run([join(packageRoot(), 'bin', 'firedrill.js'), ...args])
}

function nodeAlone(): Promise<string> {
  return run(['-e', '0'])
}

/** A drill that fails is no reason to have no figure. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...args], { maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && stdout === '') reject(new Error(stderr.slice(0, 500)))
      else resolve(stdout)
    })
  })
}
