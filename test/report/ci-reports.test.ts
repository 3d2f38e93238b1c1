import { expect, test } from 'vitest'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import type { RunFinding } from '../../simulator/findings/look-for-findings.ts'
import { githubAnnotations } from '../../simulator/report/ci/github-annotations.ts'
import { sarifReport } from '../../simulator/report/ci/sarif.ts'
import { summaryMarkdown } from '../../simulator/report/ci/summary-markdown.ts'

const finding: RunFinding = {
  code: 'rule-unreachable',
  severity: 'error',
  where: 'rules/my alerts.yml:12',
  message: 'Lag can never fire',
  evidence: 'no target exposes lag, 100 % sure\nreally',
  drills: ['a', 'b', 'c', 'd'],
}

const failed = {
  scenario: 'service-down',
  exitCode: 1,
  verdict: 'expectation failed',
  virtualSeconds: 900,
  notes: [],
  steady: { ok: true, detail: '' },
  effects: [],
  logs: [],
  traces: [],
  panels: [],
  alerts: [{ alertname: 'ServiceDown', ok: false, detail: 'fires 2m, | 30s too late' }],
} as unknown as DrillResult

test('annotations point to the line of the expectation and of the rule, and escape what GitHub would read', () => {
  expect(githubAnnotations([failed], [finding], () => ({ file: 'scenarios/service-down.yaml', line: 27 }))).toEqual([
    '::error file=scenarios/service-down.yaml,line=27,title=service-down%3A ServiceDown::fires 2m, | 30s too late',
    '::error file=rules/my alerts.yml,line=12,title=rule-unreachable::Lag can never fire: no target exposes lag, 100 %25 sure%0Areally',
  ])
})

test('more annotations than GitHub shows are counted', () => {
  const lines = githubAnnotations([], Array<RunFinding>(80).fill(finding), () => undefined)
  expect(lines).toHaveLength(50)
  expect(lines.at(-1)).toBe('::notice title=firedrill::and 31 more')
})

test('a finding is a SARIF result with rule, level, place and a fingerprint that a moved line keeps', () => {
  const read = (where: string) => JSON.parse(sarifReport([{ ...finding, where }], '1.2.3')).runs[0]
  const run = read('rules/my alerts.yml:12')
  expect(run.tool.driver).toMatchObject({ semanticVersion: '1.2.3', rules: [{ id: 'rule-unreachable' }] })
  expect(run.results).toMatchObject([
    {
      ruleId: 'rule-unreachable',
      ruleIndex: 0,
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'rules/my%20alerts.yml', uriBaseId: 'ROOT' },
            region: { startLine: 12 },
          },
        },
      ],
    },
  ])
  expect(run.results[0].message.text).toContain('Seen in a, b, c and 1 more drills.')
  const moved = read('rules/my alerts.yml:40')
  expect(moved.results[0].partialFingerprints).toEqual(run.results[0].partialFingerprints)
})

test('the summary lists what failed, with the command to repeat it, and breaks no table', () => {
  const repeat = () => 'firedrill run service-down --seed 42'
  const text = summaryMarkdown({ results: [failed], coverage: [], findings: [finding], repeat })
  expect(text).toContain('❌ 1 of 1 drills failed')
  expect(text).toContain('| service-down | ServiceDown | fires 2m, \\| 30s too late |')
  expect(text).toContain('firedrill run service-down --seed 42')
  expect(text).toContain('<summary>1 findings</summary>')
})
