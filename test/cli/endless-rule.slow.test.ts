/** A rule that never ends: its drill is ended with a result that names the rule, and the drills behind it are unharmed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WorkerPool } from '../../simulator/cli/worker-pool.ts'
import { compileEngine, engineFacts } from '../../simulator/judge/embedded/load-engine.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { shippedDrill } from '../drill/run-scenario.ts'
import { builtCommand } from './built-command.ts'

/** Two minutes for users. A clean drill of a few virtual minutes is never silent for as long as this. */
const silentMsMax = 15_000

/** Work for minutes below every limit of the engine, so that only the clock can tell; without an instance that is down, none. */
const endless = Array.from({ length: 24 }, () => 'quantile_over_time(0.5, down[20m:1ms])').join(' + ')
const rules = `groups:
  - name: harm
    interval: 15s
    rules:
      - record: down
        expr: up == 0
      - alert: Endless
        expr: ${endless} > 0
        labels: { severity: page }
  - name: clean
    interval: 15s
    rules:
      - alert: ServiceDown
        expr: up == 0
        for: 1m
        labels: { severity: page }
        annotations: { summary: '{{ $labels.instance }} is down' }
`

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-endless-'))
  await builtCommand()
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a drill with an endless rule ends with exit code 6 and the name of the rule; the next is unharmed', async () => {
  writeFileSync(join(folder, 'rules.yml'), rules)
  // What users run: a worker can't be TypeScript in every Node.
  const file = join(packageRoot(), 'dist', 'simulator', 'cli', 'worker-pool.js')
  const compiled = (await import(pathToFileURL(file).href)) as { WorkerPool: typeof WorkerPool }
  const drills = [shippedDrill('service-down'), shippedDrill('service-down/no-fault')]
  const pool = new compiled.WorkerPool(drills, {
    module: await compileEngine(),
    setup: {
      configFile: join(packageRoot(), 'observability', 'prometheus', 'prometheus.yml'),
      rulePatterns: [join(folder, 'rules.yml')],
      foreignConfig: false,
      dashboardsFolder: undefined,
      foreignDashboards: false,
      environment: { ENVIRONMENT: 'test' },
      judge: 'embedded',
      prometheusBinary: undefined,
      temporaryFolder: folder,
    },
    workers: 1,
    judge: { kind: 'embedded', version: engineFacts().prometheus },
    silentMsMax,
    onProgress: () => {},
  })
  const [harmed, clean] = await pool.run()
  expect(harmed).toMatchObject({ verdict: 'judge did not answer', exitCode: 6 })
  expect(harmed!.notes[0]).toMatch(/no sign of life for 15 s while the judge was at Endless \(.*rules\.yml:7/)
  expect(clean).toMatchObject({ exitCode: 0, notes: [] })
})
