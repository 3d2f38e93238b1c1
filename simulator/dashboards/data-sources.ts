/** Data sources as Grafana's provisioning files name them, and how a panel refers to one. */
import { join } from 'node:path'
import { parse } from 'yaml'
import type { FileSource } from '../scrape/rule-file-paths.ts'
import type { DashboardVariable } from './dashboard.ts'
import { parseInterval } from './panel-query.ts'

export interface DataSource {
  readonly uid: string
  readonly name: string
  /** For example `prometheus`. */
  readonly type: string
  readonly isDefault: boolean
  /** "Scrape interval" of the data source; undefined: Grafana's default. */
  readonly scrapeIntervalMs: number | undefined
}

/**
 * Those that stand beside the dashboards, as in `grafana/dashboards` and `grafana/provisioning/datasources`.
 * @returns empty when there are none; then every reference with a type is taken for good
 */
export function loadDataSources(dashboardsFolder: string, files: FileSource): DataSource[] {
  const folder = join(dashboardsFolder, '..', 'provisioning', 'datasources')
  return files
    .list(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .flatMap((name) => {
      const { datasources } = (parse(Buffer.from(files.read(join(folder, name))).toString('utf8')) ?? {}) as {
        datasources?: readonly Record<string, unknown>[]
      }
      return (datasources ?? []).map((source) => {
        const json = (source.jsonData ?? {}) as Record<string, unknown>
        return {
          uid: String(source.uid ?? source.name),
          name: String(source.name),
          type: String(source.type),
          isDefault: source.isDefault === true,
          scrapeIntervalMs: typeof json.timeInterval === 'string' ? parseInterval(json.timeInterval) : undefined,
        }
      })
    })
}

export interface FoundDataSource {
  readonly type: string
  readonly scrapeIntervalMs: number | undefined
  /** The name, when it was referred to by its name. */
  readonly byName?: string
  readonly unknown?: string
}

interface Known {
  readonly dataSources: readonly DataSource[]
  readonly variables: readonly DashboardVariable[]
  /** `__inputs` of an exported dashboard. */
  readonly inputs: readonly Readonly<Record<string, unknown>>[]
}

/** @param reference what the panel or query says: an object with type and uid, a name, or nothing (the default one) */
export function findDataSource(reference: unknown, known: Known): FoundDataSource {
  const { dataSources } = known
  const byDefault = dataSources.find(({ isDefault }) => isDefault) ?? dataSources.find(isPrometheus)
  if (reference === undefined || reference === null) return found(byDefault?.type ?? 'prometheus', byDefault)
  if (typeof reference === 'string') return byText(reference, known)
  const { type, uid } = reference as { type?: unknown; uid?: unknown }
  const stated = typeof type === 'string' && type !== '' ? type : undefined
  if (typeof uid !== 'string' || uid === '') return found(stated ?? 'prometheus', byType(stated ?? 'prometheus', known))
  if (uid.startsWith('$')) {
    const behind = byVariable(uid, known)
    return behind ?? found(stated ?? 'prometheus', byType(stated ?? 'prometheus', known))
  }
  const one = dataSources.find((source) => source.uid === uid)
  if (one) return found(one.type, one)
  if (uid.startsWith('-- ') || uid === 'grafana' || uid === '__expr__') return found(stated ?? uid, undefined)
  if (dataSources.length > 0) return { type: stated ?? 'prometheus', scrapeIntervalMs: undefined, unknown: uid }
  return found(stated ?? 'prometheus', undefined)
}

function byText(text: string, known: Known): FoundDataSource {
  if (text.startsWith('$')) {
    const behind = byVariable(text, known)
    if (behind) return behind
  }
  if (text.startsWith('-- ')) return found(text, undefined)
  const one = known.dataSources.find(({ name, uid }) => name === text || uid === text)
  if (one) return { ...found(one.type, one), byName: text }
  if (known.dataSources.length > 0)
    return { type: 'prometheus', scrapeIntervalMs: undefined, byName: text, unknown: text }
  return { type: 'prometheus', scrapeIntervalMs: undefined, byName: text }
}

/** A variable of type datasource has a plugin as its query; an input of an export has one too. */
function byVariable(text: string, known: Known): FoundDataSource | undefined {
  const name = text.replaceAll(/[${}]|:.*$/g, '')
  const variable = known.variables.find((one) => one.name === name && one.type === 'datasource')
  if (variable) return found(variable.query, byType(variable.query, known))
  const input = known.inputs.find((one) => one.name === name)
  return input && found(String(input.pluginId ?? 'prometheus'), undefined)
}

function byType(type: string, { dataSources }: Known): DataSource | undefined {
  return (
    dataSources.find((source) => source.type === type && source.isDefault) ??
    dataSources.find((source) => source.type === type)
  )
}

function found(type: string, source: DataSource | undefined): FoundDataSource {
  return { type, scrapeIntervalMs: source?.scrapeIntervalMs }
}

function isPrometheus({ type }: DataSource): boolean {
  return type === 'prometheus'
}

/** @returns why a query of this data source has no verdict */
export function describeUnjudged(type: string): string {
  if (type === '__expr__') return 'it is an expression over other queries, which only Grafana computes'
  if (type === '-- Dashboard --') return 'it shows the result of another panel'
  return `its data source is ${type.replaceAll('-- ', '').replaceAll(' --', '')}, which has no judge here`
}
