/** Peak memory of the command line for a drill, and whether it stays flat when the drill is four times as long. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../simulator/package-root.ts'
import type { Bench, Figure } from './figure.ts'

const hours = [1, 4] as const

export const memoryFigure: Figure = {
  name: 'memory',
  title: `peak memory of a drill of ${hours[0]} h at 40 requests/s, the whole process`,
  async measure(bench) {
    const short = await peakOf(hours[0], bench)
    const long = await peakOf(hours[1], bench)
    return {
      value: short,
      unit: 'MB',
      target: { most: 400 },
      comparisons: [
        { to: `the same drill of ${hours[1]} h (1.00: flat in virtual time)`, ratio: long / short },
        { to: 'a process that only starts the command line', ratio: short / (await peakOfCommand(['--version'])) },
      ],
      profile: 'node --heap-prof bin/firedrill.js run steady-state --workers 1',
    }
  },
}

/** Those with the most virtual time or the most series. */
const largest = ['slo-slow-burn', 'steady-day', 'black-friday'] as const

export const largestFigure: Figure = {
  name: 'largest',
  title: `peak memory of the largest shipped drills (${largest.join(', ')}), the whole process`,
  async measure() {
    const peaks: number[] = []
    for (const name of largest) peaks.push(await peakOfCommand(['run', name, '--no-twins', '--workers', '1']))
    return {
      value: Math.max(...peaks),
      unit: 'MB',
      target: { most: 500 },
      comparisons: [
        { to: 'the smallest of them', ratio: Math.max(...peaks) / Math.min(...peaks) },
        {
          to: 'a process that only starts the command line',
          ratio: Math.max(...peaks) / (await peakOfCommand(['--version'])),
        },
      ],
      profile: 'node --heap-prof bin/firedrill.js run slo-slow-burn --no-twins --workers 1',
    }
  },
}

async function peakOf(length: number, { folder }: Bench): Promise<number> {
  const scenarios = join(packageRoot(), 'scenarios')
  const text = readFileSync(join(scenarios, 'steady-state.yaml'), 'utf8').replace('length: 30m', `length: ${length}h`)
  mkdirSync(join(folder, 'memory'), { recursive: true })
  const file = join(folder, 'memory', `hours-${length}.yaml`)
  writeFileSync(file, text)
  return peakOfCommand(['run', file, '--workers', '1'])
}

/** @returns MB, as the kernel of the operating system saw it */
function peakOfCommand(args: readonly string[]): Promise<number> {
  const watch = `process.on('exit', () => console.error('peak', process.resourceUsage().maxRSS))`
  const preload = `data:text/javascript,${encodeURIComponent(watch)}`
  const command = join(packageRoot(), 'bin', 'firedrill.js')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', preload, command, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
    child.on('close', () => {
      const kilobytes = [...said.matchAll(/^peak (\d+)$/gm)].map(([, number]) => Number(number))
      if (kilobytes.length === 0) reject(new Error(`no peak was told: ${said.slice(0, 500)}`))
      else resolve(Math.max(...kilobytes) / 1000)
    })
  })
}
