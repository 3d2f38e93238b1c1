/** The result of a run as one object for machines; the shape is part of the interface and has a version. */
import type { DrillResult } from '../drill/drill-result.ts'
import type { RuleCoverage } from './coverage.ts'

export interface RunReport {
  readonly format: 1
  /** Of Firedrill. */
  readonly version: string
  readonly drills: readonly Omit<DrillResult, 'findings'>[]
  readonly findings: readonly (DrillResult['findings'][number] & { readonly scenario: string })[]
  readonly coverage: { readonly rules: readonly RuleCoverage[]; readonly panels: readonly never[] }
  readonly exitCode: number
}

export function runReport(
  version: string,
  results: readonly DrillResult[],
  coverage: readonly RuleCoverage[],
  exitCode: number,
): RunReport {
  return {
    format: 1,
    version,
    drills: results.map(({ findings: _, ...drill }) => drill),
    findings: results.flatMap(({ scenario, findings }) => findings.map((finding) => ({ ...finding, scenario }))),
    coverage: { rules: coverage, panels: [] },
    exitCode,
  }
}
