/** The result of a run as one object for machines; the shape is part of the interface and has a version. */
import type { DashboardProblem } from '../dashboards/dashboard.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import type { RunFindings } from '../findings/look-for-findings.ts'
import type { PanelCoverage, RuleCoverage } from './coverage.ts'
import type { AlertObservation } from './foreign-alerts.ts'

export interface RunReport {
  readonly format: 1
  /** Of Firedrill. */
  readonly version: string
  readonly drills: readonly Omit<DrillResult, 'findings' | 'survey'>[]
  readonly findings: RunFindings['findings']
  /** Accepted with a reason. */
  readonly ignoredFindings: RunFindings['ignored']
  /** Alerts that no scenario names; only with foreign rules. */
  readonly observations: readonly AlertObservation[]
  readonly coverage: { readonly rules: readonly RuleCoverage[]; readonly panels: readonly PanelCoverage[] }
  readonly exitCode: number
}

export interface RunReportParts {
  readonly version: string
  readonly results: readonly DrillResult[]
  readonly coverage: readonly RuleCoverage[]
  readonly panels: readonly PanelCoverage[]
  /** What is wrong with dashboards is a finding of the run, too. */
  readonly dashboardProblems: readonly DashboardProblem[]
  readonly noticed: RunFindings
  readonly observations: readonly AlertObservation[]
  readonly exitCode: number
}

export function runReport(parts: RunReportParts): RunReport {
  const { version, results, coverage, panels, dashboardProblems, noticed, observations, exitCode } = parts
  return {
    format: 1,
    version,
    drills: results.map(({ findings: _, survey: __, ...drill }) => drill),
    findings: [...dashboardProblems.map(dashboardFinding), ...noticed.findings],
    ignoredFindings: noticed.ignored,
    observations,
    coverage: { rules: coverage, panels },
    exitCode,
  }
}

function dashboardFinding({ code, severity, file, line, column, path, message, hint }: DashboardProblem) {
  return { code, severity, where: `${file}:${line}:${column}`, message, evidence: hint ?? path, drills: [] }
}
