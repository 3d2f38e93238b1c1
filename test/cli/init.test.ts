import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CommandContext } from '../../simulator/cli/context.ts'
import { initCommand } from '../../simulator/cli/init.ts'
import { loadProjectConfig } from '../../simulator/project/project-config.ts'

let folder: string
const said: string[] = []
const console = { out: (line: string) => said.push(line), err: (line: string) => said.push(line) }
const context = { console } as unknown as CommandContext

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-init-'))
  said.length = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const rules = 'groups: [{ name: g, rules: [{ alert: A, expr: up == 0 }] }]'

test('files are told by what stands in them, and the config that is written is one that can be read', async () => {
  file('prom/main.yaml', 'scrape_configs: []')
  file('prom/rules/a.yml', rules)
  file('prom/rules/b.yml', rules)
  file('prom/tests/a.test.yml', 'rule_files: [a.yml]\ntests: []')
  file('am.yml', 'route: { receiver: x }\nreceivers: [{ name: x }]')
  file('boards/api.json', '{ "panels": [], "schemaVersion": 36 }')
  file('node_modules/other/rules.yml', rules)
  expect(await initCommand(folder, { force: false, print: false }, context)).toBe(0)
  expect(loadProjectConfig(folder)).toMatchObject({
    problems: [],
    config: {
      prometheusConfig: join(folder, 'prom/main.yaml'),
      rules: [join(folder, 'prom/rules/*.yml')],
      alertmanager: join(folder, 'am.yml'),
      dashboards: join(folder, 'boards'),
      findings: { failOn: 'error', ignore: [] },
    },
  })
})

test('a file that is there is not overwritten unless asked for', async () => {
  file('firedrill.yaml', 'rules: mine.yml')
  expect(await initCommand(folder, { force: false, print: false }, context)).toBe(2)
  expect(said.join()).toContain('--force')
  expect(readFileSync(join(folder, 'firedrill.yaml'), 'utf8')).toBe('rules: mine.yml')
  expect(await initCommand(folder, { force: true, print: false }, context)).toBe(0)
})

test('a broken file is named and does not stop the others', async () => {
  file('a.yml', 'groups: [{ rules: [')
  file('b.yml', rules)
  expect(await initCommand(folder, { force: false, print: false }, context)).toBe(0)
  expect(said.join('\n')).toContain('not read: a.yml')
  expect(loadProjectConfig(folder).config.rules).toEqual([join(folder, 'b.yml')])
})
