/** The corpus of wrong scenario files: what is said about each of them is written down beside it. UPDATE_GOLDEN=1 rewrites. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'

const folder = 'test/fixtures/scenarios/bad'
const options = { worldsFolder: 'test/fixtures/scenarios/worlds' }
const files = readdirSync(folder).filter((name) => name.endsWith('.bad.yaml'))

describe('a wrong scenario file', () => {
  it('is one of at least 60', () => {
    expect(files.length).toBeGreaterThanOrEqual(60)
  })

  it.each(files)('%s is told what is wrong with it', (name) => {
    const { drills, problems } = loadScenario(join(folder, name), options)
    const text = `${problems.map(formatProblem).join('\n')}\n`
    const golden = join(folder, name.replace('.bad.yaml', '.txt'))
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, text)
    expect(drills).toEqual([])
    expect(problems.length).toBeGreaterThan(0)
    expect(text).not.toMatch(/\n\s+at |node_modules|\[object|undefined|NaN/)
    expect(text).toBe(readFileSync(golden, 'utf8'))
  })

  it.each(files)('%s takes less than 0.2 s of work', (name) => {
    // The best of three: other work on the same machine must not fail this.
    const times = [1, 2, 3].map(() => {
      const before = process.cpuUsage()
      loadScenario(join(folder, name), options)
      const used = process.cpuUsage(before)
      return (used.user + used.system) / 1000
    })
    expect(Math.min(...times)).toBeLessThan(200)
  })
})
