/** The targets of panels: PromQL as range or instant query, and the links to logs and traces. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import type { DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'

/** The data source that the reader chooses at the top of the page. */
export const prometheus = { type: 'prometheus', uid: '${datasource}' } as const
/** Fixed uids, as provisioning/datasources/datasources.yml gives them. */
export const loki = { type: 'loki', uid: 'loki' } as const
export const jaeger = { type: 'jaeger', uid: 'jaeger' } as const

export interface TargetOptions {
  /** Shows traces that belong to the samples, where the servers keep exemplars. */
  readonly exemplar?: boolean
  /** The shortest step, a duration. */
  readonly interval?: string
}

/** A line of a time series panel. */
export function rangeQuery(expression: string, legend: string, options: TargetOptions = {}): DataqueryBuilder {
  const target = query(expression).range().legendFormat(legend)
  if (options.exemplar) target.exemplar(true)
  if (options.interval !== undefined) target.interval(options.interval)
  return target
}

/** One value for each series, at the end of the time range. */
export function instantQuery(expression: string, legend: string): DataqueryBuilder {
  return query(expression).instant().legendFormat(legend)
}

/** As instantQuery, with the labels as columns. */
export function tableQuery(expression: string): DataqueryBuilder {
  return query(expression).instant().format(PromQueryFormat.Table)
}

/** Buckets over time. */
export function heatmapQuery(expression: string): DataqueryBuilder {
  return query(expression).range().format(PromQueryFormat.Heatmap).legendFormat('{{le}}')
}

function query(expression: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(prometheus).expr(expression)
}

/** A share: without a denominator above 0 there is no answer, where a plain division would give NaN. */
export function share(part: string, whole: string): string {
  return `${part}\n  / (${whole} > 0)`
}

/** As 0 where the series that the other one has is missing: a counter that was never born has not counted anything. */
export function orZero(expression: string, likeThis: string): string {
  return `(${expression} or 0 * ${likeThis})`
}

/** @param quantile 0 to 1 @param by labels to keep, comma separated */
export function quantileOf(quantile: number, buckets: string, by = ''): string {
  const labels = by === '' ? 'le' : `${by}, le`
  return `histogram_quantile(${quantile}, sum by (${labels}) (rate(${buckets}[$__rate_interval])))`
}

/** Opens the log lines of the same time. @param logQl may hold `${__field.labels.x}`; labels of Loki are service, env, level */
export function logsLink(title: string, logQl: string): Builder<DashboardLink> {
  return exploreLink(title, loki.uid, {
    refId: 'A',
    datasource: loki,
    editorMode: 'code',
    queryType: 'range',
    expr: logQl,
  })
}

/** Opens a search for traces of the same time. */
export function tracesLink(title: string, search: TraceSearch): Builder<DashboardLink> {
  return exploreLink(title, jaeger.uid, { refId: 'A', datasource: jaeger, queryType: 'search', limit: 20, ...search })
}

export interface TraceSearch {
  readonly service: string
  readonly operation?: string
  /** `key=value`, separated by spaces. */
  readonly tags?: string
  readonly minDuration?: string
}

function exploreLink(title: string, uid: string, target: object): Builder<DashboardLink> {
  const pane = { datasource: uid, queries: [target], range: { from: '${__from}', to: '${__to}' } }
  const panes = encodeURIComponent(JSON.stringify({ a: pane }))
    // Grafana fills these in: they must stay as they are.
    .replaceAll(/%24%7B(.*?)%7D/g, (_, inside: string) => '${' + decodeURIComponent(inside) + '}')
  return dataLink(title, `/explore?schemaVersion=1&orgId=1&panes=${panes}`)
}

/** The SDK has one type for the links of a dashboard and of a value; a value's link has these three properties only. */
export function dataLink(title: string, url: string): Builder<DashboardLink> {
  return { build: () => ({ title, url, targetBlank: true }) as DashboardLink }
}

export type Target = Builder<Dataquery>
