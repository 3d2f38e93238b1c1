/** Exported drills pass in promtool, and fail there when the rule is changed. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ExportedDrill, exportDrill } from '../../simulator/export/export-drill.ts'
import { shippedDrill, shippedSetup, testEngine } from '../drill/run-scenario.ts'

const folder = mkdtempSync(join(tmpdir(), 'firedrill-export-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let exported: ExportedDrill

beforeAll(async () => {
  const { config, groups } = await shippedSetup()
  const tools = { config, groups, engine: await testEngine(), temporaryFolder: folder, version: 'test' }
  exported = await exportDrill(shippedDrill('service-down'), folder, undefined, tools)
}, 120_000)

/** @returns undefined when there is no promtool */
function promtool(file: string): Promise<{ output: string; code: number } | undefined> {
  return new Promise((resolve) => {
    execFile('promtool', ['test', 'rules', file], (error, stdout, stderr) => {
      const code = (error as { code?: number | string } | null)?.code
      resolve(code === 'ENOENT' ? undefined : { output: stdout + stderr, code: typeof code === 'number' ? code : 0 })
    })
  })
}

test('a drill gives one file, for the group that it is about, in which its alert fires', () => {
  expect(exported.files.map(({ group, firing }) => ({ group, firing }))).toEqual([
    { group: 'critical', firing: ['ServiceDown'] },
  ])
})

test('promtool passes the file as it is', async (context) => {
  const answer = await promtool(exported.files[0]!.file)
  if (!answer) return context.skip('promtool is not on the PATH')
  expect(answer.output).toContain('SUCCESS')
  expect(answer.code).toBe(0)
})

test('promtool fails it when the rule waits longer', async (context) => {
  const text = readFileSync(exported.files[0]!.file, 'utf8')
  const path = /rule_files:\n {2}- (.+)/.exec(text)![1]!
  const rules = readFileSync(join(folder, path), 'utf8')
  const changed = join(folder, 'changed.yml')
  writeFileSync(changed, rules.replace('for: 1m', 'for: 9m'))
  const file = join(folder, 'changed.test.yml')
  writeFileSync(file, text.replace(path, 'changed.yml'))
  const answer = await promtool(file)
  if (!answer) return context.skip('promtool is not on the PATH')
  expect(answer.code).not.toBe(0)
  expect(answer.output).toContain('ServiceDown')
})
