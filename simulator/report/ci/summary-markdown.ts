/** The result of a run as Markdown, for the summary page of a CI job or a comment. */
import type { DrillResult } from '../../drill/drill-result.ts'
import { formatDuration } from '../../expectations/clock-text.ts'
import type { RunFinding } from '../../findings/look-for-findings.ts'
import type { RuleCoverage } from '../coverage.ts'
import { failuresOf } from './failures.ts'

export interface SummaryInput {
  readonly results: readonly DrillResult[]
  readonly coverage: readonly RuleCoverage[]
  readonly findings: readonly RunFinding[]
  /** The command that repeats a drill. */
  readonly repeat: (result: DrillResult) => string
}

const failuresMax = 50

export function summaryMarkdown({ results, coverage, findings: noticed, repeat }: SummaryInput): string {
  const failed = results.filter(({ exitCode }) => exitCode !== 0)
  const drilled = coverage.filter(({ scenarios }) => scenarios.length > 0)
  const proven = drilled.filter((rule) => rule.proven).length
  const virtual = formatDuration(results.reduce((sum, { virtualSeconds }) => sum + virtualSeconds * 1000, 0))
  const headline =
    failed.length === 0
      ? `✅ all ${results.length} drills held`
      : `❌ ${failed.length} of ${results.length} drills failed`
  const lines = [
    `### Firedrill: ${headline}`,
    '',
    `${proven} of ${drilled.length} drilled rules proven, ${virtual} of virtual time.`,
  ]
  const failures = failuresOf(results)
  if (failures.length > 0) {
    lines.push('', '| drill | expectation | what happened |', '|---|---|---|')
    for (const { drill, what, detail } of failures.slice(0, failuresMax)) {
      lines.push(`| ${cell(drill)} | ${cell(what)} | ${cell(detail)} |`)
    }
    if (failures.length > failuresMax) lines.push('', `and ${failures.length - failuresMax} more`)
    lines.push('', '<details><summary>Repeat the failed drills</summary>', '', '```sh')
    lines.push(...failed.slice(0, failuresMax).map(repeat), '```', '', '</details>')
  }
  const findings = findingRows(noticed)
  if (findings.length > 0) {
    lines.push('', `<details><summary>${findings.length} findings</summary>`, '')
    lines.push('| finding | where | what | evidence |', '|---|---|---|---|', ...findings, '', '</details>')
  }
  if (drilled.length > 0) {
    lines.push('', `<details><summary>${drilled.length} rules</summary>`, '')
    lines.push(
      '| rule | fires | near miss silent | silent without fault | resolves | text |',
      '|---|---|---|---|---|---|',
    )
    for (const rule of drilled) {
      const marks = [rule.fires, rule.nearMissSilent, rule.silentWithoutFault, rule.recovers, rule.textComplete]
      lines.push(`| ${cell(rule.alertname)} | ${marks.map((ok) => (ok ? '✓' : '✗')).join(' | ')} |`)
    }
    lines.push('', '</details>')
  }
  return `${lines.join('\n')}\n`
}

function findingRows(findings: readonly RunFinding[]): string[] {
  return findings.map(
    ({ code, severity, where, message, evidence }) =>
      `| ${severity}: ${code} | ${cell(where)} | ${cell(message)} | ${cell(evidence)} |`,
  )
}

function cell(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll(/\s+/g, ' ')
}
