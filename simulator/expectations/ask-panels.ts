/**
 * Asks a real Loki and a real Jaeger the queries of panels that no judge here can answer, over the time of the drill, and
 * judges the panels by what they say. The servers must have been given the drill's signals (`firedrill run --push`).
 * Source: Loki's HTTP API (`query_range`), Jaeger's HTTP JSON API (`/api/traces`)
 */
import type { Dashboard, DashboardPanel, PanelTarget } from '../dashboards/dashboard.ts'
import {
  type PanelSeries,
  type ShownByTarget,
  type TargetEvaluation,
  targetScope,
} from '../dashboards/panel-evaluation.ts'
import { openedScope } from '../dashboards/variable-values.ts'
import { expandVariables } from '../dashboards/variables.ts'
import type { PanelResult } from '../drill/drill-result.ts'
import type { Labels } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import { judgePanels } from './panel.ts'
import { askJson, type Fetch, RefusedError, type Servers, withSlash } from './server-question.ts'

/** Log lines and traces that a server is asked for at most, as Grafana does by default or a little more. */
const linesMax = 5_000
const tracesMax = 1_500

/** @returns the results, those of the panels that a server was asked about in the place of "not judged" */
export async function askPanels(
  results: readonly PanelResult[],
  drill: Drill,
  dashboards: readonly Dashboard[],
  servers: Servers,
  fetchUrl: Fetch,
): Promise<readonly PanelResult[]> {
  const unjudged = results.filter(({ state }) => state === 'not judged')
  const evaluations: TargetEvaluation[] = []
  for (const dashboard of dashboards) {
    for (const panel of dashboard.panels) {
      for (const target of panel.targets) {
        const isAsked = unjudged.some((one) => isOf(one, dashboard, panel, target))
        const url = target.outside && servers[target.outside.source]
        if (!isAsked || url === undefined) continue
        const shown = await askTarget({ dashboard, panel, target, drill, url, fetchUrl })
        evaluations.push({
          dashboard,
          panel,
          target,
          notJudged: undefined,
          broken: undefined,
          facts: undefined,
          ...shown,
        })
      }
    }
  }
  const judged = judgePanels(drill, evaluations, { explainAbsent: () => undefined })
  const same = (a: PanelResult) => (b: PanelResult) =>
    a.dashboard === b.dashboard && a.panel === b.panel && a.refId === b.refId
  return [...results.filter((one) => one.state !== 'not judged' || !judged.some(same(one))), ...judged]
}

interface AskedTarget {
  readonly dashboard: Dashboard
  readonly panel: DashboardPanel
  readonly target: PanelTarget
  readonly drill: Drill
  readonly url: string
  readonly fetchUrl: Fetch
}

function isOf(one: PanelResult, { uid }: Dashboard, { title }: DashboardPanel, { refId }: PanelTarget): boolean {
  return one.dashboard === uid && one.panel === title && one.refId === refId
}

async function askTarget(asked: AskedTarget): Promise<ShownByTarget> {
  const { dashboard, panel, target, drill } = asked
  const { variables } = openedScope(dashboard.variables)
  const { scope, stepMs } = targetScope(dashboard, panel, target, variables, drill)
  const text = (template: string) => expandVariables(template, scope, 'prometheus')
  // Loki's own variable for a range that fits the step.
  const expression = text(target.expression.replaceAll(/\$__auto|\$\{__auto\}/g, `${stepMs / 1000}s`))
  try {
    const series =
      target.outside!.source === 'loki'
        ? await askLoki(expression, stepMs, asked)
        : await askJaeger(text(target.outside!.service), text(target.outside!.operation), asked)
    return { expression, stepMs, series, failures: [] }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    return { expression, stepMs, series: [], failures: [{ atMs: drill.lengthMs, message: error.message }] }
  }
}

interface LokiAnswer {
  readonly data?: {
    readonly resultType?: string
    readonly result?: readonly {
      readonly metric?: Labels
      readonly stream?: Labels
      readonly values?: readonly (readonly [string | number, string])[]
    }[]
  }
}

/** A query for numbers gives them; one for lines gives how many there are in each step. */
async function askLoki(
  expression: string,
  stepMs: number,
  { drill, url, fetchUrl }: AskedTarget,
): Promise<PanelSeries[]> {
  const { startMs, lengthMs } = drill
  const address = new URL('loki/api/v1/query_range', withSlash(url))
  const parameters = {
    query: expression,
    start: `${startMs}000000`,
    end: `${startMs + lengthMs}000000`,
    step: `${stepMs / 1000}`,
    limit: String(linesMax),
    direction: 'forward',
  }
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value)
  const { data } = (await askJson('Loki', address, fetchUrl)) as LokiAnswer
  return (data?.result ?? []).map(({ metric, stream, values = [] }) => {
    const labels = metric ?? stream ?? {}
    if (data?.resultType !== 'streams') {
      const timesMs = values.map(([seconds]) => Number(seconds) * 1000 - startMs)
      return { labels, name: nameOf(labels), timesMs, values: values.map(([, value]) => Number(value)) }
    }
    return counted(
      labels,
      values.map(([nanoseconds]) => Number(BigInt(nanoseconds) / 1_000_000n) - startMs),
      stepMs,
    )
  })
}

interface JaegerAnswer {
  readonly data?: readonly { readonly spans: readonly { readonly startTime: number }[] }[]
}

/** How many traces begin in each step. */
async function askJaeger(
  service: string,
  operation: string,
  { drill, url, fetchUrl, target }: AskedTarget,
): Promise<PanelSeries[]> {
  const { startMs, lengthMs } = drill
  const address = new URL('api/traces', withSlash(url))
  address.searchParams.set('service', service)
  if (operation !== '') address.searchParams.set('operation', operation)
  address.searchParams.set('start', String(startMs * 1000))
  address.searchParams.set('end', String((startMs + lengthMs) * 1000))
  address.searchParams.set('limit', String(tracesMax))
  const { data = [] } = (await askJson('Jaeger', address, fetchUrl)) as JaegerAnswer
  const begun = data.map(({ spans }) => Math.min(...spans.map(({ startTime }) => startTime)) / 1000 - startMs)
  return begun.length === 0 ? [] : [counted({ service }, begun, Math.max(60_000, target.scrapeIntervalMs))]
}

function counted(labels: Labels, momentsMs: readonly number[], stepMs: number): PanelSeries {
  const counts = new Map<number, number>()
  for (const atMs of momentsMs) {
    const step = Math.floor(atMs / stepMs) * stepMs
    counts.set(step, (counts.get(step) ?? 0) + 1)
  }
  const ordered = [...counts].sort(([a], [b]) => a - b)
  const timesMs = ordered.map(([atMs]) => atMs)
  return { labels, name: nameOf(labels), timesMs, values: ordered.map(([, count]) => count) }
}

function nameOf(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}}`
}
