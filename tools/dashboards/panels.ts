/** One function for each type of panel, with what all panels of the platform have in common. */
import * as barchart from '@grafana/grafana-foundation-sdk/barchart'
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BarGaugeDisplayMode,
  type DataSourceRef,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DashboardLink,
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  type Threshold,
  type ThresholdsConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import * as gauge from '@grafana/grafana-foundation-sdk/gauge'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import * as piechart from '@grafana/grafana-foundation-sdk/piechart'
import * as statPanel from '@grafana/grafana-foundation-sdk/stat'
import * as stateTimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import * as tablePanel from '@grafana/grafana-foundation-sdk/table'
import * as timeseriesPanel from '@grafana/grafana-foundation-sdk/timeseries'
import { states } from './palette.ts'
import { prometheus, type Target } from './queries.ts'

export interface PanelOptions {
  readonly title: string
  /** What the panel shows, why one looks at it, and what to do when it looks wrong. Each a sentence or two. */
  readonly what: string
  readonly why: string
  readonly action: string
  /** A unit of Grafana (`percentunit`, `s`, `reqps`, ...). */
  readonly unit: string
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
  /** Without them there is no value that would be wrong, and everything is drawn as good. */
  readonly thresholds?: readonly Threshold[]
  readonly mappings?: readonly ValueMapping[]
  readonly targets: readonly Target[]
  /** Links that a click on a value offers. */
  readonly links?: readonly Builder<DashboardLink>[]
  /** Colours by the name of the series; `/…/` is a regular expression. */
  readonly colors?: Readonly<Record<string, string>>
}

/** Lines over time. The lines of the thresholds are drawn where there are some. */
export function lines(options: PanelOptions): timeseriesPanel.PanelBuilder {
  const panel = common(new timeseriesPanel.PanelBuilder(), options)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(0)
    .showPoints(VisibilityMode.Never)
    // A gap in the samples stays a gap: it is what an outage looks like.
    .spanNulls(false)
    .legend(tableLegend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
  const style = (options.thresholds?.length ?? 0) > 1 ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off
  return panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(style))
}

/** Filled lines, one upon the other. */
export function areas(options: PanelOptions): timeseriesPanel.PanelBuilder {
  return lines(options).fillOpacity(30).stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
}

/** Stacked bars over time. */
export function bars(options: PanelOptions): timeseriesPanel.PanelBuilder {
  return areas(options).drawStyle(GraphDrawStyle.Bars).fillOpacity(80)
}

export function stat(options: PanelOptions): statPanel.PanelBuilder {
  return common(new statPanel.PanelBuilder(), options)
    .reduceOptions(lastValue())
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}

export function gauges(options: PanelOptions): gauge.PanelBuilder {
  return common(new gauge.PanelBuilder(), options)
    .reduceOptions(lastValue())
    .showThresholdMarkers(true)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}

/** Horizontal bars, one for each series. */
export function barGauges(options: PanelOptions): bargauge.PanelBuilder {
  return common(new bargauge.PanelBuilder(), options)
    .reduceOptions(lastValue())
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}

export function pie(options: PanelOptions): piechart.PanelBuilder {
  return common(new piechart.PanelBuilder(), options)
    .pieType(piechart.PieChartType.Donut)
    .reduceOptions(lastValue())
    .displayLabels([piechart.PieChartLabels.Percent])
    .legend(
      new piechart.PieChartLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Right)
        .values([piechart.PieChartLegendValues.Value, piechart.PieChartLegendValues.Percent]),
    )
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
}

/** @param columns the value's refId or the label, to the title of its column; others are left out */
export function table(options: PanelOptions, columns: Readonly<Record<string, string>>): tablePanel.PanelBuilder {
  const names = Object.keys(columns).map((name) => (/^[A-Z]$/.test(name) ? `Value #${name}` : name))
  return common(new tablePanel.PanelBuilder(), options)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: Object.fromEntries(names.map((name, index) => [name, Object.values(columns)[index]])),
      },
    })
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}

/** Bars that stand on the values of a column instead of on time. */
export function categoryBars(options: PanelOptions, xField: string): barchart.PanelBuilder {
  return common(new barchart.PanelBuilder(), options)
    .xField(xField)
    .stacking(StackingMode.Normal)
    .legend(new VizLegendOptionsBuilder().showLegend(true).placement(LegendPlacement.Bottom).calcs([]))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
}

/** Counts by bucket over time. */
export function buckets(options: PanelOptions): heatmap.PanelBuilder {
  return common(new heatmap.PanelBuilder(), options)
    .calculate(false)
    .rowsFrame(new heatmap.RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Le))
    .yAxis(new heatmap.YAxisConfigBuilder().unit(options.unit))
    .cellGap(1)
}

/** A lane for each series, coloured by state. */
export function lanes(options: PanelOptions): stateTimeline.PanelBuilder {
  return common(new stateTimeline.PanelBuilder(), options)
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}

/** Wrong from a number on: what alerts `> number`. */
export function wrongAbove(number: number): Threshold[] {
  return [step(null, states.good), step(number, states.alert)]
}

/** Wrong below a number: what alerts `< number`. */
export function wrongBelow(number: number): Threshold[] {
  return [step(null, states.alert), step(number, states.good)]
}

/** Wrong, good, excellent. */
export function goodAndExcellent(good: number, excellent: number): Threshold[] {
  return [step(null, states.alert), step(good, states.warning), step(excellent, states.good)]
}

export function step(value: number | null, color: string): Threshold {
  return { value, color }
}

/** Texts and colours for the values of a state. */
export function stateMapping(texts: Readonly<Record<string, { text: string; color: string }>>): ValueMapping[] {
  const options = Object.entries(texts).map(([value, { text, color }], index) => [value, { text, color, index }])
  return [{ type: MappingType.ValueToText, options: Object.fromEntries(options) }]
}

/** What one field of a panel has of its own. */
export function fieldProperties(properties: Readonly<Record<string, unknown>>): DynamicConfigValue[] {
  return Object.entries(properties).map(([id, value]) => ({ id, value }))
}

interface AnyPanelBuilder extends Builder<Panel> {
  title(title: string): this
  description(description: string): this
  datasource(datasource: DataSourceRef): this
  unit(unit: string): this
  decimals(decimals: number): this
  min(min: number): this
  max(max: number): this
  mappings(mappings: ValueMapping[]): this
  thresholds(thresholds: Builder<ThresholdsConfig>): this
  targets(targets: Target[]): this
  dataLinks(links: Builder<DashboardLink>[]): this
  noValue(text: string): this
  overrideByName(name: string, properties: DynamicConfigValue[]): this
  overrideByRegexp(expression: string, properties: DynamicConfigValue[]): this
}

function common<B extends AnyPanelBuilder>(builder: B, options: PanelOptions): B {
  const { title, what, why, action, unit, thresholds = [step(null, states.good)] } = options
  builder
    .title(title)
    .description(`${what}\n\n**Why:** ${why}\n\n**Do:** ${action}`)
    .datasource(prometheus)
    .unit(unit)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...thresholds]))
    .targets(options.targets.map((target, index) => withRefId(target, String.fromCharCode(65 + index))))
  if (options.decimals !== undefined) builder.decimals(options.decimals)
  if (options.min !== undefined) builder.min(options.min)
  if (options.max !== undefined) builder.max(options.max)
  if (options.mappings) builder.mappings([...options.mappings])
  if (options.links) builder.dataLinks([...options.links])
  for (const [name, color] of Object.entries(options.colors ?? {})) {
    const fixed = fieldProperties({ color: { mode: FieldColorModeId.Fixed, fixedColor: color } })
    if (name.startsWith('/')) builder.overrideByRegexp(name, fixed)
    else builder.overrideByName(name, fixed)
  }
  return builder
}

function withRefId(target: Target, refId: string): Target {
  return { build: () => ({ ...target.build(), refId }) }
}

function lastValue(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)
}

function tableLegend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([])
}
