/** What did not hold in a run, one entry for each expectation, for all reports that list failures. */
import type { DrillResult } from '../../drill/drill-result.ts'

export interface Failure {
  readonly drill: string
  /** The expectation: name of an alert, `steady state`, an event, or what was looked for in logs, traces or panels. */
  readonly what: string
  readonly detail: string
}

/** Where a drill says what it expects; undefined when that is not known. */
export type PlaceOf = (drill: string, what: string) => { readonly file: string; readonly line: number } | undefined

export function failuresOf(results: readonly DrillResult[]): Failure[] {
  return results.flatMap((result) => {
    const { scenario: drill, exitCode, verdict, notes } = result
    if (exitCode === 0) return []
    const failures = [
      ...(result.steady && !result.steady.ok ? [{ drill, what: 'steady state', detail: result.steady.detail }] : []),
      ...result.effects
        .filter(({ ok }) => !ok)
        .map(({ event, detail }) => ({ drill, what: event, detail: `the fault had no effect: ${detail}` })),
      ...result.alerts.filter(({ ok }) => !ok).map(({ alertname, detail }) => ({ drill, what: alertname, detail })),
      ...[...result.logs, ...result.traces]
        .filter(({ ok }) => !ok)
        .map(({ what, detail }) => ({ drill, what, detail })),
      ...result.panels
        .filter(({ ok }) => !ok)
        .map(({ dashboard, panel, detail }) => ({ drill, what: `${dashboard}: ${panel}`, detail })),
    ]
    return failures.length > 0 ? failures : [{ drill, what: verdict, detail: notes.join('; ') }]
  })
}
