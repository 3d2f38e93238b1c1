/** Files of others may be anything: each ends in a message with file and line, never in a hang or a stack trace. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { loadSetup } from '../../simulator/drill/drill-setup.ts'
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

async function load(file: string) {
  const configFile = join('observability', 'prometheus', 'prometheus.yml')
  const source = { configFile, rulePatterns: [file], environment: { ENVIRONMENT: 'test' }, dashboardsFolder: undefined }
  return loadSetup(source, await testEngine())
}
