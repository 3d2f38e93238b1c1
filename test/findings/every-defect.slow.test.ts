/**
 * What findings promise: a folder of rules, dashboards and configs with defects of all kinds, one command that lists each
 * with evidence and fails, and files that once mended are no longer named.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findingDefinitions } from '../../simulator/findings/index.ts'
import type { RunFinding } from '../../simulator/findings/look-for-findings.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { firedrill } from '../cli/run-command.ts'

const fixture = join(packageRoot(), 'test', 'fixtures', 'findings', 'all')

/** By the file whose mending makes them go. */
const codes = {
  'rules.yml': [
    'delay-longer-than-stated',
    'division-matches-itself',
    'duplicate-coverage',
    'evaluation-failed',
    'fires-without-fault',
    'first-failure-missed',
    'label-never-present',
    'limit-zero-read-as-full',
    'never-resolves',
    'quantile-beyond-buckets',
    'rate-window-too-short',
    'recording-name-clash',
    'rule-not-judged',
    'selector-matches-nothing',
    'threshold-not-tested',
  ],
  'prometheus.yml': ['external-label-substitution', 'rule-unreachable', 'target-not-simulated'],
  'alertmanager.yml': [
    'alert-reaches-nobody',
    'inhibition-never-matches',
    'matcher-deprecated',
    'receiver-unreachable',
    'route-shadowed',
    'variable-not-expanded',
  ],
  'metrics.md': ['metric-not-documented', 'metric-not-used'],
  dashboards: [
    'dashboard-angular-panel',
    'dashboard-data-source-by-name',
    'dashboard-old-schema',
    'panel-no-data',
    'panel-one-value',
  ],
} as const
type File = keyof typeof codes
const files = Object.keys(codes) as File[]

/** `fires-when-idle` needs --deep, and a panel that never moves may be meant so. */
const elsewhere = ['fires-when-idle', 'panel-never-moves']

let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-defects-'))
  await builtCommand()
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('firedrill run, over a folder with every defect', () => {
  let broken: Answer
  let rulesMended: Answer
  let mended: Answer
  beforeAll(async () => {
    broken = await answer('broken', [], drillAll)
    rulesMended = await answer('rules-mended', ['rules.yml'], drillAll)
    mended = await answer('mended', files, drillAll)
  }, 240_000)

  test('has a defect for each code that there is', () => {
    const known = findingDefinitions.map(({ code }) => code)
    const here = Object.values(codes).flat()
    // What is wrong with a dashboard file itself has codes of the reader of dashboards.
    expect([...here.filter((code) => !code.startsWith('dashboard-')), ...elsewhere].toSorted()).toEqual(known)
  })

  test('lists each, with a place and numbers, and fails', () => {
    const found = [...broken.codes].filter((code) => !elsewhere.includes(code))
    expect(found.toSorted()).toEqual(Object.values(codes).flat().toSorted())
    for (const { where, evidence } of broken.findings) {
      expect(where).toMatch(/^[\w/.]+:(\d+(:\d+)?| panel ".+")$|^dashboard \w+$/)
      expect(evidence).not.toBe('')
    }
    // The panel that can never show data is a failed expectation, which goes before findings.
    expect(broken.code).toBe(5)
  })

  test('no longer names the rules once they are mended, and still the other files', () => {
    expect(codesAmong(rulesMended, codes['rules.yml'])).toEqual([])
    expect(codesAmong(rulesMended, codes['alertmanager.yml'])).toEqual(codes['alertmanager.yml'])
    expect(codesAmong(rulesMended, codes.dashboards)).toEqual(codes.dashboards)
    expect(rulesMended.code).toBe(5)
  })

  test('finds nothing and succeeds when all are mended', () => {
    expect(mended.findings.filter(({ severity }) => severity !== 'info')).toEqual([])
    expect(codesAmong(mended, Object.values(codes).flat())).toEqual([])
    expect(mended.code).toBe(0)
  })
})

describe('firedrill check --survey, over the same folder', () => {
  test('fails, and once a file is mended it has none of its codes left', async () => {
    const broken = await answer('check-broken', [], lookOnly)
    expect(broken.code).toBe(7)
    for (const file of ['prometheus.yml', 'alertmanager.yml', 'metrics.md'] as const) {
      expect(codesAmong(broken, codes[file])).toEqual(codes[file])
      const one = await answer(`check-${file}`, [file], lookOnly)
      expect(codesAmong(one, codes[file])).toEqual([])
      for (const other of files.filter((name) => name !== file)) {
        expect(codesAmong(one, codes[other]), `${other} with ${file} mended`).toEqual(codesAmong(broken, codes[other]))
      }
    }
    expect((await answer('check-mended', files, lookOnly)).code).toBe(0)
  })
})

interface Answer {
  readonly code: number | null
  readonly findings: readonly RunFinding[]
  readonly codes: ReadonlySet<string>
}

const drillAll = ['run', '--all']
const lookOnly = ['check', '--survey']

/** Runs the command in a folder of its own in which these files are mended and the others are not. */
async function answer(name: string, mendedFiles: readonly File[], command: readonly string[]): Promise<Answer> {
  const cwd = join(folder, name)
  cpSync(join(fixture, 'broken'), cwd, { recursive: true })
  for (const file of mendedFiles) cpSync(join(fixture, 'mended', file), join(cwd, file), { recursive: true })
  cpSync(join(fixture, 'drills'), join(cwd, 'scenarios'), { recursive: true })
  cpSync(join(fixture, 'firedrill.yaml'), join(cwd, 'firedrill.yaml'))
  const options =
    '--rules rules.yml --prometheus-config prometheus.yml --alertmanager alertmanager.yml --dashboards dashboards'
  const ended = await firedrill([...command, ...options.split(' '), '--fail-on', 'warning', '--json'], { cwd })
  if (ended.stdout === '') throw new Error(ended.stderr)
  const { findings } = JSON.parse(ended.stdout) as { findings: RunFinding[] }
  return { code: ended.code, findings, codes: new Set(findings.map(({ code }) => code)) }
}

function codesAmong({ codes: found }: Answer, some: readonly string[]): string[] {
  return some.filter((code) => found.has(code))
}
