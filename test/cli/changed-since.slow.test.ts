/** `--changed-since REV` runs what a change can touch, and nothing else: tried in a repository of its own. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ChangeError, narrowToChanges } from '../../simulator/cli/changed-since.ts'
import { selectDrills } from '../../simulator/cli/scenario-files.ts'
import { loadSetup } from '../../simulator/drill/drill-setup.ts'
import { testEngine } from '../drill/run-scenario.ts'

const rules = 'observability/prometheus/alert-rules.yml'
const config = 'observability/prometheus/prometheus.yml'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-changed-'))
  mkdirSync(join(folder, 'observability/prometheus'), { recursive: true })
  for (const path of ['scenarios', rules, config]) cpSync(path, join(folder, path), { recursive: true })
  git('init', '--quiet')
  git('add', '.')
  git('-c', 'user.name=Test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '-m', 'before')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('nothing changed, so no drill is touched', async () => {
  expect(await touched()).toEqual([])
})

test('of a changed scenario its drills are touched', async () => {
  change('scenarios/redis-down.yaml', (text) => text.replace('title:', 'title: Again,'))
  expect(await touched()).toEqual([
    'redis-down',
    'redis-down/just-below',
    'redis-down/no-fault',
    'redis-down/too-short',
  ])
})

test('of a changed rule the drills that name its alert are touched, and those without a fault', async () => {
  change(rules, (text) => text.replace('redis_up == 0', 'redis_up < 1'))
  const names = await touched()
  expect(names).toContain('redis-down')
  expect(names).toContain('steady-state')
  expect(names).not.toContain('disk-space-low')
})

test('a comment in a rule file changes no rule', async () => {
  change(rules, (text) => `# another word\n${text}`)
  expect(await touched()).toEqual([])
})

test('a changed scrape config touches every drill', async () => {
  change(config, (text) => text.replace('scrape_interval: 15s', 'scrape_interval: 20s'))
  expect((await touched()).length).toBeGreaterThan(80)
})

test('a new scenario that is not committed yet is a change', async () => {
  const text = readFileSync(join(folder, 'scenarios/steady-state.yaml'), 'utf8')
  writeFileSync(join(folder, 'scenarios/quiet.yaml'), text.replace('scenario: steady-state', 'scenario: quiet'))
  expect(await touched()).toEqual(['quiet'])
})

test('a revision that is not there is named', async () => {
  await expect(touched('no-such-branch')).rejects.toThrow(ChangeError)
})

async function touched(revision = 'HEAD'): Promise<string[]> {
  const engine = await testEngine()
  const inFolder = (path: string) => join(folder, path)
  const { loaded } = loadSetup(
    { configFile: inFolder(config), rulePatterns: [inFolder(rules)], environment: {} },
    engine,
  )
  const { drills, problems } = selectDrills(
    { names: [], all: true, tags: [], twins: true },
    inFolder('scenarios'),
    undefined,
  )
  expect(problems).toEqual([])
  const input = { cwd: folder, revision, drills, loaded: loaded!, engine, configFile: inFolder(config) }
  return (await narrowToChanges(input)).drills.map(({ name }) => name).sort()
}

function change(path: string, edit: (text: string) => string): void {
  const file = join(folder, path)
  const before = readFileSync(file, 'utf8')
  const after = edit(before)
  expect(after).not.toBe(before)
  writeFileSync(file, after)
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: folder })
}
