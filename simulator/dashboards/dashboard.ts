/** A dashboard as the judge sees it: what its panels ask, with the settings that decide how Grafana asks. */
import type { Problem } from '../scenario/problem.ts'

export interface Dashboard {
  /** Path as the user named it. */
  readonly file: string
  readonly uid: string
  readonly title: string
  readonly variables: readonly DashboardVariable[]
  /** Panels of collapsed rows included, rows themselves not; in the order of the file. */
  readonly panels: readonly DashboardPanel[]
}

export interface DashboardPanel {
  readonly title: string
  /** Plugin, for example `timeseries`. */
  readonly type: string
  readonly unit: string
  readonly description: string
  readonly thresholds: readonly { readonly value: number; readonly color: string }[]
  /** Variable for each of whose values the panel (or its row) is shown once. */
  readonly repeat: string | undefined
  readonly maxDataPoints: number
  readonly minIntervalText: string | undefined
  /** Instead of the time range of the dashboard: the last so many milliseconds. */
  readonly timeFromMs: number | undefined
  readonly timeShiftMs: number
  /** Why none of its queries can be asked, for example a library panel; then it has no targets. */
  readonly notJudged: string | undefined
  readonly targets: readonly PanelTarget[]
}

export interface PanelTarget {
  readonly refId: string
  /** As it stands in the file. */
  readonly expression: string
  readonly instant: boolean
  readonly legendFormat: string
  readonly minStepText: string | undefined
  readonly intervalFactor: number
  readonly scrapeIntervalMs: number
  /** Why it is not asked: its data source has no judge here. */
  readonly notJudged: string | undefined
  /** Whom it asks, where that is a server that may be there: Loki or Jaeger. */
  readonly outside?: OutsideQuery | undefined
  /** What is wrong with it; it is not asked, and never counts as passed. */
  readonly broken: string | undefined
}

export interface OutsideQuery {
  readonly source: 'loki' | 'jaeger'
  /** What a search in Jaeger looks for; an empty operation is any. */
  readonly service: string
  readonly operation: string
}

export interface DashboardVariable {
  readonly name: string
  readonly type: string
  readonly multi: boolean
  readonly includeAll: boolean
  readonly allValue: string | undefined
  /** Query of a query variable, values of a custom, interval, constant or text box variable. */
  readonly query: string
  readonly regex: string
  /** Grafana's number: 0 as they come, odd ascending, even descending. */
  readonly sort: number
  /** What the file says was chosen last. */
  readonly current: readonly string[]
}

/** What is wrong with a dashboard. A warning does not keep Grafana from showing it. */
export interface DashboardProblem extends Problem {
  /** Stable, for example `dashboard-v2`. */
  readonly code: string
  readonly severity: 'error' | 'warning'
}
