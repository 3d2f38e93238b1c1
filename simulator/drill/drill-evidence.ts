/**
 * What a report draws and a result need not carry: series over time. Collected only when somebody asks for a report.
 * Times are seconds since the start of the drill.
 */

export interface DrillEvidence {
  readonly panels: readonly PanelEvidence[]
}

/** What one target of a panel showed over the drill. */
export interface PanelEvidence {
  readonly dashboard: string
  readonly dashboardTitle: string
  readonly panel: string
  readonly refId: string
  /** Type of the panel in Grafana, for example `timeseries`. */
  readonly type: string
  /** Grafana's unit id, for example `s`, `percentunit`; empty when the panel has none. */
  readonly unit: string
  readonly description: string
  /** The query after variables were expanded. */
  readonly expression: string
  readonly thresholds: readonly { readonly value: number; readonly color: string }[]
  readonly series: readonly ChartSeries[]
}

export interface ChartSeries {
  /** As the legend shows it. */
  readonly name: string
  readonly timesS: readonly number[]
  readonly values: readonly number[]
}
