/** Reads the shipped dashboards for the tests beside this file. */
import { readdirSync, readFileSync } from 'node:fs'
import { repositoryPath } from './rule-files.ts'

export interface Target {
  readonly refId: string
  readonly expr: string
  readonly range?: boolean
  readonly instant?: boolean
  readonly interval?: string
  readonly datasource: { readonly type: string; readonly uid: string }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string
      readonly links?: readonly { readonly title: string; readonly url: string }[]
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] }
    }
    readonly overrides: readonly {
      readonly matcher: { readonly options: string }
      readonly properties: readonly { readonly id: string; readonly value: unknown }[]
    }[]
  }
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly label: string
  readonly multi: boolean
  readonly includeAll: boolean
  readonly allValue?: string
  readonly query: unknown
  readonly refresh?: number
  readonly datasource?: { readonly uid: string }
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly schemaVersion: number
  readonly editable: boolean
  readonly graphTooltip: number
  readonly refresh: string
  readonly tags: readonly string[]
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly target: { readonly expr: string } }[]
  }
  readonly links: readonly {
    readonly tags: readonly string[]
    readonly keepTime: boolean
    readonly includeVars: boolean
  }[]
}

const folder = 'observability/grafana/dashboards'

export const dashboardFileNames = readdirSync(repositoryPath(folder)).sort()

export function readDashboards(): readonly Dashboard[] {
  return dashboardFileNames.map((name) => JSON.parse(readFileSync(repositoryPath(`${folder}/${name}`), 'utf8')))
}

/** Rows only carry a title. */
export function panelsOf(dashboard: Dashboard): readonly Panel[] {
  return dashboard.panels.filter(({ type }) => type !== 'row')
}

/** Values for the variables, so that what is left is PromQL. */
export function withoutVariables(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '4m')
    .replaceAll('$__interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$\{?(\w+)(?::\w+)?\}?/g, 'value')
}

/** The queries inside of a link that opens Explore. */
export function exploreQueries(url: string): readonly Record<string, unknown>[] {
  const panes = new URL(url, 'http://grafana').searchParams.get('panes') ?? '{}'
  return Object.values(JSON.parse(panes) as Record<string, { queries: Record<string, unknown>[] }>).flatMap(
    ({ queries }) => queries,
  )
}
