/** `firedrill run --watch` as somebody sees it who edits rules, scenarios and dashboards beside it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { firedrill, killRun, type Running, startFiredrill, until } from './run-command.ts'

const project = mkdtempSync(join(tmpdir(), 'firedrill-watch-project-'))
const scenario = join(project, 'scenarios', 'service-down.yaml')
const rules = join(project, 'observability', 'prometheus', 'alert-rules.yml')
const dashboard = join(project, 'observability', 'grafana', 'dashboards', 'system-health.json')

beforeAll(() => {
  for (const folder of ['scenarios', 'observability']) {
    cpSync(join(packageRoot(), folder), join(project, folder), { recursive: true })
  }
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

/** A test that fails must not leave a watch behind. */
let run: Running | undefined
afterEach(async () => {
  await killRun(run)
  run = undefined
})

interface Watched {
  readonly started: Running
  /** What was said since the last time, once the watch waits for a change again. */
  next(): Promise<string>
}

async function startWatch(args: readonly string[]): Promise<Watched> {
  const started = await startFiredrill(['run', '--watch', ...args], { cwd: project })
  run = started
  let said = ''
  for (const stream of [started.child.stdout, started.child.stderr]) stream!.on('data', (chunk) => (said += chunk))
  return {
    started,
    async next() {
      await until(`the watch waits: ${said}`, () => said.includes('Ctrl-C ends\n'))
      const text = said
      said = ''
      return text
    },
  }
}

function edit(file: string, change: (text: string) => string): void {
  const before = readFileSync(file, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`the edit does not change ${file}`)
  // As most editors do it.
  writeFileSync(`${file}~`, after)
  renameSync(`${file}~`, file)
}

test('each edit is answered with what it touches, until Ctrl-C', async () => {
  const { started, next } = await startWatch(['service-down', '--no-twins'])
  expect(await next()).toMatch(/✓ ServiceDown .*\n[\s\S]*watching \d+ files, Ctrl-C ends/)

  edit(rules, (text) => text.replace(/(alert: ServiceDown\n(?:.*\n)*?\s+for: )1m/, '$15m'))
  const slower = await next()
  expect(slower).toContain('observability/prometheus/alert-rules.yml\n')
  expect(slower).toContain('✗ service-down  expectation failed (was: held)')
  expect(slower).toMatch(/✗ ServiceDown +never fires: pending for at most/)
  expect(slower).toMatch(
    /0 of 1 drill holds after [\d.]+ s; judged again: ServiceDown, \d panels? in service-down; nothing simulated/,
  )

  edit(rules, (text) => text.replace('alert: ServiceDown', 'alert ServiceDown'))
  expect(await next()).toMatch(/alert-rules\.yml:\d+:\d+: .*\n1 problem; what was judged before stands/)

  edit(rules, (text) => text.replace('alert ServiceDown', 'alert: ServiceDown').replace('for: 5m', 'for: 1m'))
  expect(await next()).toContain('✓ service-down  holds (was: expectation failed)')

  edit(scenario, (text) => text.replace('between: [1m, 2m15s]', 'between: [3m, 4m]'))
  const tighter = await next()
  expect(tighter).toMatch(/✗ ServiceDown +fires [\d:]+ to [\d:]+, .* too early/)
  expect(tighter).toContain('only expectations compared again; nothing simulated')

  edit(dashboard, (text) => text.replaceAll('kafka_consumer_lag', 'kafka_consumer_lagg'))
  const renamed = await next()
  expect(renamed).toMatch(/✗ panel Kafka consumer lag +can never show data: no target exposes kafka_consumer_lagg/)
  expect(renamed).toMatch(/judged again: (panel Kafka consumer lag|\d panels) in service-down; nothing simulated/)

  edit(scenario, (text) => text.replace('[3m, 4m]', '[1m, 2m15s]').replace('perSecond: 8', 'perSecond: 9'))
  expect(await next()).toContain('; simulated: service-down')

  unlinkSync(scenario)
  expect(await next()).toMatch(/service-down\.yaml \(removed\)\nno scenario is called "service-down"/)

  started.child.kill('SIGINT')
  const { code, left } = await started.ended
  expect({ code, left }).toEqual({ code: 0, left: [] })
}, 180_000)

test('Ctrl-C in the middle of a drill ends by 130, and leaves nothing', async () => {
  const { started } = await startWatch(['steady-day'])
  await until('the drill runs', () => readdirSync(started.temporaryFolder).length > 0)
  started.child.kill('SIGINT')
  const { code, left, stderr } = await started.ended
  expect(stderr).toContain('interrupted')
  expect({ code, left }).toEqual({ code: 130, left: [] })
}, 120_000)

test.each([
  [['--shard', '1/2', '--all'], '--shard'],
  [['--judge', 'prometheus', 'tour'], '--judge prometheus'],
])('--watch is refused with %j', async (args, named) => {
  const { code, stderr } = await firedrill(['run', '--watch', ...args], { cwd: project })
  expect(stderr).toContain(`--watch can't be combined with ${named}`)
  expect(code).toBe(2)
})
