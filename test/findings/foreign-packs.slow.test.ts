/** Rule packs, scrape config and dashboard as others write them: read unmodified, and judged in a drill, never wrong. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { type Ended, firedrill } from '../cli/run-command.ts'

let folder = ''
let ended: Ended
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-foreign-'))
  cpSync(join(packageRoot(), 'test', 'fixtures', 'foreign'), folder, { recursive: true })
  await builtCommand()
  const packs = '--rules node.yml,kubernetes.yml,prometheus-self.yml --prometheus-config prometheus.yml'
  const rest = '--alertmanager alertmanager.yml --dashboards dashboards --findings all'
  ended = await firedrill(['run', 'service-down', '--no-twins', ...packs.split(' '), ...rest.split(' ')], {
    cwd: folder,
  })
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('nothing crashes, and the exit code is that of a run', () => {
  expect(ended.stderr).not.toMatch(/\n\s+at \S+ \(/)
  expect(ended.code, ended.stderr).toBe(0)
})

test('Watchdog always fires and is no false alarm', () => {
  expect(ended.stdout).toMatch(/Watchdog +always fires/)
  expect(ended.stdout).not.toMatch(/fires-without-fault[^\n]*\n[^\n]*Watchdog/)
})

test('an alert of the scenario that the packs lack is not in these rules', () => {
  expect(ended.stdout).toContain('ServiceDown is not in these rules')
})

test.each([
  ['a rule over recorded series', 'NodeBusy'],
  ['a subquery', 'NodeMemoryHigh'],
  ['absent()', 'NodeExporterGone'],
  ['a rule over ALERTS', 'ManyAlertsAtOnce'],
  ['offset', 'ScrapesSlowerThanYesterday'],
  ['@ with a time', 'HeadGrowsSinceStart'],
  ['a rule behind query_offset', 'ContainerMemoryNearLimit'],
])('%s is judged, or said to be not judged (%s)', (_, alert) => {
  expect(ended.stdout).toMatch(
    new RegExp(`\\n  ${alert} +(never fired|fires in|fired without|always fires|not judged: \\S)`),
  )
})

test('targets that are not simulated, and jobs found by discovery, are named', () => {
  expect(ended.stdout).toMatch(
    /target db-exporter.internal:9187 of job postgres is not simulated\n[^\n]*the nearest is postgres-exporter:9187/,
  )
  expect(`${ended.stdout}${ended.stderr}`).toContain('kubernetes-pods')
})

test('a dashboard of schemaVersion 27 with a data source by its name is read, and its panel has data', () => {
  expect(ended.stderr).toContain('dashboards/targets.json:4:20 schemaVersion: warning: schemaVersion 27')
  expect(ended.stderr).toContain('names its data source "Prometheus"')
  expect(ended.stdout).toMatch(/✓ panels +1 query of panels/)
})
