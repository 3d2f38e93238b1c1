/** A result as text, for the message of a test that fails. */
import type { DrillResult } from '../drill/drill-result.ts'
import type { RunFinding } from '../findings/look-for-findings.ts'
import { findingLines } from '../report/findings-text.ts'
import type { RunReport } from '../report/json.ts'
import { drillBlock, type Paint, terminalReport } from '../report/terminal.ts'

/** What one drill gave: as `drills[0]` of `firedrill run --json`, with the findings of its rules, scrape config and dashboards. */
export interface DrillReport extends Omit<DrillResult, 'survey' | 'findings'> {
  readonly findings: readonly RunFinding[]
}

/** The same lines that `firedrill run` prints, without colour. */
export function formatReport(report: DrillReport | RunReport): string {
  if ('format' in report) {
    const results = report.drills.map((drill): DrillResult => ({ ...drill, findings: [] }))
    const { rules, panels } = report.coverage
    const wallSeconds = results.reduce((sum, result) => sum + result.wallSeconds, 0)
    const lines = terminalReport({ results, coverage: rules, panels, wallSeconds, paint, repeat })
    return [...lines, ...linesOfFindings(report.findings)].join('\n')
  }
  const parts = { results: [report], coverage: [], panels: [], wallSeconds: report.wallSeconds, paint, repeat }
  return [...drillBlock(report, parts), ...linesOfFindings(report.findings)].join('\n')
}

function linesOfFindings(findings: readonly RunFinding[]): string[] {
  return findingLines({ findings, ignored: [], needless: [] }, paint)
}

const plain = (text: string) => text
const paint: Paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain }
const repeat = ({ scenario, seed }: DrillResult) => `scenario ${scenario}, seed ${seed}`
