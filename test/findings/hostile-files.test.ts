/** Files of others may be anything: each ends in a message with file and line, never in a hang or a stack trace. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { loadDashboards } from '../../simulator/dashboards/load-dashboards.ts'
import { fileSource, loadSetup } from '../../simulator/drill/drill-setup.ts'
import { findingsInFiles } from '../../simulator/findings/look-for-findings.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import { testEngine } from '../drill/run-scenario.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-hostile-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const rule = (lines: string) => `groups:\n  - name: g\n    rules:\n${lines}`
const nested = `${'('.repeat(20_000)}up${')'.repeat(20_000)}`

const files: readonly (readonly [name: string, content: string | Buffer, said: RegExp])[] = [
  ['not UTF-8', Buffer.from('groups:\n  - name: "\xff"\n', 'latin1'), /:2:12: byte 0xff is not UTF-8/],
  ['with a NUL character', 'groups:\n  - name: \0\n', /:2:11: contains a NUL character/],
  ['that is too large', Buffer.alloc(20_000_001, '#'), /:1:1: is larger than 20000000 bytes/],
  ['that contains itself', 'groups: &g\n  - *g\n', /:1:1: /],
  ['of brackets', `groups: ${'['.repeat(5_000)}${']'.repeat(5_000)}\n`, /:1:1: .*nested more than 500 levels/],
  [
    'with an endless expression',
    rule(`      - { alert: A, expr: '${nested}' }\n`),
    /:4:1: .*nested more than 500 levels/,
  ],
  [
    'with a template that does not end',
    rule(
      '      - alert: A\n        expr: up\n      - alert: B\n        expr: up\n        annotations: { s: "{{ $labels.x" }\n',
    ),
    /:8:28: .*annotation "s": template/,
  ],
  [
    'with a group twice',
    'groups:\n  - name: g\n    rules: []\n  - name: g\n    rules: []\n',
    /:4:5: groupname: "g" is repeated/,
  ],
  [
    'with a wrong expression',
    rule('      - alert: A\n        expr: "rate(up)"\n'),
    /:5:\d+: .*expected type range vector/,
  ],
]

describe('a rule file', () => {
  test.each(files)('%s', async (name, content, said) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.yml`)
    writeFileSync(file, content)
    const { loaded, problems } = await load(file)
    expect(loaded).toBeUndefined()
    expect(problems.map(formatProblem).join('\n')).toMatch(said)
    expect(problems.every((problem) => problem.file === file && problem.line > 0)).toBe(true)
  })

  test('with 1,000 rules is read, and its findings are found', async () => {
    const file = join(folder, 'many.yml')
    const rules = Array.from(
      { length: 1_000 },
      (_, i) => `      - { alert: A${i}, expr: 'metric_${i} > ${i}', for: 5m }\n`,
    )
    writeFileSync(file, rule(rules.join('')))
    const { loaded, problems } = await load(file)
    expect(problems).toEqual([])
    const { config, groups } = loaded!
    const subject = {
      config,
      groups,
      alertmanager: undefined,
      documentation: undefined,
      panelQueries: [],
      survey: undefined,
    }
    expect(findingsInFiles(subject)).toEqual([])
  }, 60_000)
})

test('an alertmanager.yml: all problems at once, each with its place', async () => {
  const text = [
    'route:',
    '  receiver: x',
    '  matchers: [a="b"]',
    '  routes:',
    '    - { receiver: nope, macthers: [] }',
    '    - { receiver: nope, group_wait: 5 minutes }',
    '    - { matchers: ["a~~b", "a=~(b"] }',
    'receivers: [{ name: x }, { name: x }]',
  ].join('\n')
  const { problems } = loadAlertmanager('alertmanager.yml', Buffer.from(text), await testEngine())
  const said = problems.map(formatProblem)
  for (const wanted of [
    /^alertmanager.yml:2:3 route: root route must not have any matchers/,
    /^alertmanager.yml:5:25 .*macthers: is not a known key \(did you mean "matchers"\?\)/,
    /^alertmanager.yml:6:19 .*undefined receiver "nope"/,
    /^alertmanager.yml:6:37 .*"5 minutes"/,
    /^alertmanager.yml:7:20 .*bad matcher format: a~~b/,
    /^alertmanager.yml:7:28 .*missing closing \)/,
    /^alertmanager.yml:8:34 .*"x" is not unique/,
  ]) {
    expect(
      said.some((line) => wanted.test(line)),
      `${wanted} in\n${said.join('\n')}`,
    ).toBe(true)
  }
})

test('an alertmanager.yml whose routes contain themselves', async () => {
  const text = 'route: &r\n  receiver: x\n  routes: [*r]\nreceivers: [{ name: x }]\n'
  const { problems } = loadAlertmanager('a.yml', Buffer.from(text), await testEngine())
  expect(problems.map(formatProblem).join('\n')).toContain('a.yml:3:12 route.routes[0]: the alias "r" stands inside of')
})

test('an alertmanager.yml whose texts are no templates: what would be found out when there is something to send', async () => {
  const text = [
    'route: { receiver: x }',
    'receivers:',
    '  - name: x',
    '    slack_configs:',
    '      - channel: "{{ .CommonLabels.team"',
    '        title: "{{ if .Alerts }}alerts"',
    '        text: "{{ toUpper .CommonLabels.job }} {{ .CommonAnnotations.summary }}"',
  ].join('\n')
  const { problems } = loadAlertmanager('a.yml', Buffer.from(text), await testEngine())
  expect(problems.map(formatProblem)).toEqual([
    'a.yml:5:18 receivers[0].slack_configs[0].channel: template: unclosed action',
    'a.yml:6:16 receivers[0].slack_configs[0].title: template: unexpected EOF',
  ])
})

/** Each alias stands for nine of the one before. */
const bomb = ['a: &a [l, l, l, l, l, l, l, l, l]']
  .concat([...'bcdefghi'].map((to, i) => `${to}: &${to} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(', ')}]`))
  .join('\n')

test.each([
  ['with a bomb of aliases', bomb, /:1:\d+ f: has more than 300000 values, aliases counted each time/],
  [
    'with expressions that are none',
    'scrape_configs:\n  - job_name: a\n    static_configs: [{ targets: ["a:1"] }]\n    relabel_configs:\n      - { source_labels: [a], regex: "(", target_label: b }\n      - { action: nope }\n',
    /:5:9 .*missing closing \)[\s\S]*:6:9 .*unknown relabel action "nope"/,
  ],
  [
    'that reads itself as rules',
    `rule_files: ["self.yml"]\nscrape_configs: [{ job_name: a, static_configs: [{ targets: ["a:1"] }] }]\n`,
    /self.yml:1:1: field rule_files not found[\s\S]*self.yml:2:1: field scrape_configs not found/,
  ],
])('a prometheus.yml %s', async (_, content, said) => {
  const configFile = join(folder, 'self.yml')
  writeFileSync(configFile, content)
  const source = { configFile, rulePatterns: undefined, environment: {} }
  const { loaded, problems } = loadSetup(source, await testEngine())
  expect(loaded).toBeUndefined()
  expect(problems.map(formatProblem).join('\n')).toMatch(said)
})

const rows = (depth: number) => `${'[{"type":"row","panels":'.repeat(depth)}[]${'}]'.repeat(depth)}`
const hostileDashboards: readonly (readonly [name: string, content: string | Buffer, said: RegExp])[] = [
  ['cut off', '{ "title": "x", "panels": [{ "targets": [{ "expr": "up"', /:1:\d+: is not JSON: it ends in the middle/],
  ['of rows inside of rows', `{ "title": "x", "panels": ${rows(20_000)} }`, /:1:\d+ panels.*rows stand inside of rows/],
  ['that is too large', Buffer.alloc(20_000_001, ' '), /:1:1: is larger than 20000000 bytes/],
  ['not UTF-8', Buffer.from('{ "title": "\xff" }', 'latin1'), /:1:13: byte 0xff is not UTF-8/],
  ['that is nothing', 'null', /:1:1: is no dashboard: it is not a JSON object/],
]

test.each(hostileDashboards)('a dashboard %s', async (name, content, said) => {
  const own = join(folder, name.replaceAll(' ', '-'))
  mkdirSync(own)
  writeFileSync(join(own, 'a.json'), content)
  const { dashboards, problems } = loadDashboards(own, await testEngine(), fileSource)
  expect(dashboards.flatMap(({ panels }) => panels)).toEqual([])
  expect(problems.map(formatProblem).join('\n')).toMatch(said)
})

test('a folder of dashboards in which links lead back to it is read, and ends', async () => {
  const own = join(folder, 'links')
  mkdirSync(own)
  writeFileSync(join(own, 'a.json'), '{ "uid": "a", "title": "x", "schemaVersion": 42, "panels": [] }')
  for (const link of ['one', 'two']) symlinkSync('.', join(own, link))
  const { dashboards } = loadDashboards(own, await testEngine(), fileSource)
  expect(dashboards).toHaveLength(1)
})

test.skipIf(process.platform === 'win32')('a pipe and a device are no files, and nobody waits for them', async () => {
  const pipe = join(folder, 'pipe.yml')
  execFileSync('mkfifo', [pipe])
  for (const file of [pipe, '/dev/zero']) {
    const { problems } = await load(file)
    expect(problems.map(formatProblem)).toEqual([`${file}:1:1: is a pipe or a device, and not a file`])
  }
})

async function load(file: string) {
  const configFile = join('observability', 'prometheus', 'prometheus.yml')
  const source = { configFile, rulePatterns: [file], environment: { ENVIRONMENT: 'test' }, dashboardsFolder: undefined }
  return loadSetup(source, await testEngine())
}
