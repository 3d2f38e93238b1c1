/** Findings as lines for people, apart from what held and failed. */

import { countOf } from '../count-text.ts'
import type { RunFinding, RunFindings } from '../findings/look-for-findings.ts'
import type { Paint } from './terminal.ts'

/** Of one code, before the rest is only counted. */
const sameCodeMax = 8

/** @param all also those that are only good to know (severity info), which otherwise are only counted */
export function findingLines({ findings, ignored, needless }: RunFindings, paint: Paint, all = false): string[] {
  const shown = findings.filter(({ severity }) => all || severity !== 'info')
  const lines = [...byCode(shown).values()].flatMap((same) => codeLines(same, paint, all ? same.length : sameCodeMax))
  const unimportant = findings.length - shown.length
  const rest = [
    ...(unimportant > 0 ? [`${countOf(unimportant, 'finding')} of severity info (--findings all shows them)`] : []),
    ...(ignored.length > 0 ? [`${countOf(ignored.length, 'finding')} ignored with a reason in firedrill.yaml`] : []),
    ...needless.map(
      ({ code, where }) => `firedrill.yaml ignores ${code}${where ? ` of ${where}` : ''}, which is not there`,
    ),
  ].map((text) => paint.dim(`  ${text}`))
  if (lines.length + rest.length === 0) return []
  const head = shown.length > 0 ? `findings: ${summary(shown)}` : 'findings: none'
  return [paint.bold(head), ...lines, ...rest]
}

function byCode(findings: readonly RunFinding[]): Map<string, RunFinding[]> {
  const groups = new Map<string, RunFinding[]>()
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.code}`
    const group = groups.get(key)
    if (group) group.push(finding)
    else groups.set(key, [finding])
  }
  return groups
}

function codeLines(same: readonly RunFinding[], paint: Paint, most: number): string[] {
  const lines = same.slice(0, most).flatMap(({ code, severity, where, message, evidence, drills }) => {
    const name = severity === 'error' ? paint.red(severity) : severity === 'warning' ? paint.yellow(severity) : severity
    return [
      `  ${name} ${paint.bold(code)} ${where}`,
      `    ${message}`,
      `    ${paint.dim(`${evidence}${drills.length > 1 ? ` (in ${drills.length} drills)` : drills.length === 1 ? ` (in ${drills[0]})` : ''}`)}`,
    ]
  })
  if (same.length > most)
    lines.push(`    and ${same.length - most} more of ${same[0]!.code} (--findings all shows them)`)
  return lines
}

export function summary(findings: readonly RunFinding[]): string {
  return (['error', 'warning', 'info'] as const)
    .map((severity) => ({ severity, number: findings.filter((one) => one.severity === severity).length }))
    .filter(({ number }) => number > 0)
    .map(({ severity, number }) => (severity === 'info' ? `${number} info` : countOf(number, severity)))
    .join(', ')
}
