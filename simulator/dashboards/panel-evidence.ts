/** What panels showed, for reports that draw them. */
import type { ChartSeries, PanelEvidence } from '../drill/drill-evidence.ts'
import type { PanelSeries, TargetEvaluation } from './panel-evaluation.ts'

/** More lines than that nobody can tell apart; those with the largest values stay. */
const seriesMax = 12

export function panelEvidence(evaluations: readonly TargetEvaluation[]): PanelEvidence[] {
  return evaluations
    .filter(({ notJudged }) => notJudged === undefined)
    .map(({ dashboard, panel, target, expression, series }) => ({
      dashboard: dashboard.uid,
      dashboardTitle: dashboard.title,
      panel: panel.title,
      refId: target.refId,
      type: panel.type,
      unit: panel.unit,
      description: panel.description,
      expression,
      thresholds: panel.thresholds,
      series: largest(series).map(chartSeries),
    }))
}

function largest(series: readonly PanelSeries[]): readonly PanelSeries[] {
  if (series.length <= seriesMax) return series
  const peak = ({ values }: PanelSeries) => values.reduce((most, value) => (value > most ? value : most), -Infinity)
  const kept = new Set([...series].sort((a, b) => peak(b) - peak(a)).slice(0, seriesMax))
  return series.filter((one) => kept.has(one))
}

function chartSeries({ name, timesMs, values }: PanelSeries): ChartSeries {
  return { name, timesS: timesMs.map((ms) => ms / 1000), values }
}
