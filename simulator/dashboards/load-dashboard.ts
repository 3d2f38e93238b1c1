/**
 * Reads dashboards as Grafana's file provisioning does: classic JSON. What is wrong with one of them is said with its
 * place, and hides neither the other panels nor the other dashboards.
 */
import { basename } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { Engine } from '../judge/embedded/engine.ts'
import { QueryError } from '../judge/judge.ts'
import { didYouMean } from '../scenario/did-you-mean.ts'
import { type DataPath, formatPath } from '../scenario/problem.ts'
import type {
  Dashboard,
  DashboardPanel,
  DashboardProblem,
  DashboardVariable,
  OutsideQuery,
  PanelTarget,
} from './dashboard.ts'
import { type DataSource, describeUnjudged, findDataSource } from './data-sources.ts'
import { panelPixels, parseInterval, scrapeIntervalDefaultMs } from './panel-query.ts'
import { placeholderScope } from './variable-values.ts'
import { expandVariables, variableNames } from './variables.ts'

export interface LoadDashboardOptions {
  readonly engine: Engine
  readonly dataSources: readonly DataSource[]
}

export interface LoadedDashboard {
  /** Undefined when the file as a whole is none. */
  readonly dashboard: Dashboard | undefined
  readonly problems: readonly DashboardProblem[]
}

export function loadDashboard(file: string, text: string, options: LoadDashboardOptions): LoadedDashboard {
  const reader = new Reader(file, text, options)
  return { dashboard: reader.read(), problems: reader.problems }
}

type Json = Readonly<Record<string, unknown>>

/** From here on, dashboards refer to data sources by type and uid (Grafana 8.3), and no panel is of the Angular age. */
const schemaVersionLeast = 36

/** Panels that were written in Angular, and what Grafana shows in their place. */
const angularPanels: Readonly<Record<string, string>> = {
  graph: 'timeseries',
  singlestat: 'stat',
  'grafana-singlestat-panel': 'stat',
  'table-old': 'table',
  'grafana-piechart-panel': 'piechart',
  'grafana-worldmap-panel': 'geomap',
}

/** Panels that show no query of their own. */
const panelsWithoutQueries = ['text', 'dashlist', 'alertlist', 'news', 'welcome', 'gettingstarted', 'annolist', 'row']

/** Rows inside of each other. Grafana has one level. */
const rowDepthMax = 5

class Reader {
  readonly problems: DashboardProblem[] = []
  readonly #file: string
  readonly #text: string
  readonly #options: LoadDashboardOptions
  #inputs: readonly Json[] = []
  #variables: readonly DashboardVariable[] = []
  #document: { counter: LineCounter; document: ReturnType<typeof parseDocument> } | undefined

  constructor(file: string, text: string, options: LoadDashboardOptions) {
    this.#file = file
    this.#text = text
    this.#options = options
  }

  read(): Dashboard | undefined {
    let data: unknown
    try {
      data = JSON.parse(this.#text.replace(/^\uFEFF/, ''))
    } catch {
      this.#notJson()
      return undefined
    }
    if (!isObject(data)) return this.#refuse('not-a-dashboard', [], 'is no dashboard: it is not a JSON object')
    if (!this.#isClassic(data)) return undefined
    this.#inputs = listOf(data.__inputs)
    for (const [i, input] of this.#inputs.entries()) {
      const message = `was exported for sharing: "${textOf(input.name)}" is filled in by hand on import, and by nobody when Grafana reads the file from disk`
      this.#report('dashboard-inputs', 'error', ['__inputs', i], message, 'export it without "for sharing externally"')
    }
    const schemaVersion = typeof data.schemaVersion === 'number' ? data.schemaVersion : undefined
    if (schemaVersion !== undefined && schemaVersion < schemaVersionLeast) {
      const message = `schemaVersion ${schemaVersion} is of an old Grafana, which every newer one rewrites while it loads`
      this.#report(
        'dashboard-old-schema',
        'warning',
        ['schemaVersion'],
        message,
        'open it in a current Grafana and save it',
      )
    }
    this.#variables = listOf(isObject(data.templating) ? data.templating.list : undefined).map(readVariable)
    return {
      file: this.#file,
      uid: textOf(data.uid) || basename(this.#file).replace(/\.json$/, ''),
      title: textOf(data.title) || basename(this.#file),
      variables: this.#variables,
      panels: this.#panels(listOf(data.panels), ['panels'], undefined),
    }
  }

  #isClassic(data: Json): boolean {
    const apiVersion = textOf(data.apiVersion)
    if (/\/v2/.test(apiVersion) || (isObject(data.elements) && isObject(data.layout))) {
      const message = 'is in the V2 format, which Grafana does not read from provisioned files'
      this.#refuse('dashboard-v2', [], message, 'export it as classic JSON (export, "V1 Resource" or "Classic")')
      return false
    }
    if (isObject(data.spec) && apiVersion !== '') {
      this.#refuse('dashboard-resource', ['spec'], 'is a Kubernetes resource', 'keep only what is inside of "spec"')
      return false
    }
    if (isObject(data.dashboard) && !Array.isArray(data.panels)) {
      const message = "is an answer of Grafana's API, not a dashboard file"
      this.#refuse('dashboard-api-answer', ['dashboard'], message, 'keep only what is inside of "dashboard"')
      return false
    }
    if (Array.isArray(data.rows) && !Array.isArray(data.panels)) {
      const message = 'keeps its panels in "rows", as before Grafana 5'
      this.#refuse('dashboard-old-schema', ['rows'], message, 'open it in a current Grafana and save it')
      return false
    }
    if (!Array.isArray(data.panels)) {
      this.#refuse('not-a-dashboard', [], 'is no dashboard: it has no "panels"')
      return false
    }
    return true
  }

  #panels(list: readonly Json[], path: DataPath, repeatOfRow: string | undefined): DashboardPanel[] {
    let repeat = repeatOfRow
    return list.flatMap((panel, i): DashboardPanel[] => {
      const own = [...path, i]
      if (panel.type !== 'row') return [this.#panel(panel, own, textOf(panel.repeat) || repeat)]
      // Panels below an open row belong to it, up to the next row; those of a collapsed row stand inside of it.
      repeat = textOf(panel.repeat) || undefined
      if (own.length > rowDepthMax * 2) {
        this.#report('dashboard-nested-rows', 'error', own, 'rows stand inside of rows, which Grafana does not show')
        return []
      }
      return this.#panels(listOf(panel.panels), [...own, 'panels'], repeat)
    })
  }

  #panel(panel: Json, path: DataPath, repeat: string | undefined): DashboardPanel {
    const title = textOf(panel.title)
    const type = textOf(panel.type)
    const library = isObject(panel.libraryPanel) ? panel.libraryPanel : undefined
    const name = title || (library && textOf(library.name)) || `panel ${textOf(panel.id)}`
    const successor = angularPanels[type]
    if (successor !== undefined) {
      const message = `panel "${name}": "${type}" is an Angular panel, which Grafana shows as "${successor}" if at all`
      this.#report(
        'dashboard-angular-panel',
        'warning',
        [...path, 'type'],
        message,
        `make it a "${successor}" and save it`,
      )
    }
    if (repeat !== undefined) this.#checkNames(`\${${repeat}}`, [...path, 'repeat'], `panel "${name}"`)
    const defaults =
      isObject(panel.fieldConfig) && isObject(panel.fieldConfig.defaults) ? panel.fieldConfig.defaults : {}
    const { w } = isObject(panel.gridPos) ? panel.gridPos : { w: undefined }
    const notJudged =
      library && !Array.isArray(panel.targets)
        ? `it is the library panel "${textOf(library.name) || textOf(library.uid)}", whose queries are in Grafana's database, not in this file`
        : undefined
    return {
      title: name,
      type,
      unit: textOf(defaults.unit),
      description: textOf(panel.description),
      thresholds: thresholdsOf(defaults),
      repeat,
      maxDataPoints:
        typeof panel.maxDataPoints === 'number' && panel.maxDataPoints > 0
          ? panel.maxDataPoints
          : panelPixels(typeof w === 'number' && w >= 1 ? Math.min(w, 24) : 12),
      minIntervalText: textOf(panel.interval) || undefined,
      timeFromMs: parseInterval(textOf(panel.timeFrom)),
      timeShiftMs: parseInterval(textOf(panel.timeShift)) ?? 0,
      notJudged,
      targets:
        notJudged !== undefined || panelsWithoutQueries.includes(type)
          ? []
          : listOf(panel.targets).flatMap((target, i) => this.#target(target, panel, name, [...path, 'targets', i])),
    }
  }

  #target(target: Json, panel: Json, title: string, path: DataPath): PanelTarget[] {
    if (target.hide === true) return []
    const refId = textOf(target.refId) || 'A'
    const where = `panel "${title}", query ${refId}`
    const source = this.#dataSource(target, panel, where, path)
    const expression = typeof target.expr === 'string' ? target.expr : ''
    const judged = source.type === 'prometheus'
    if (judged && expression.trim() === '') return []
    const broken = judged ? (source.broken ?? this.#check(expression, where, [...path, 'expr'])) : undefined
    return [
      {
        refId,
        expression: expression === '' ? textOf(target.query) || textOf(target.expression) : expression,
        // Grafana's editor writes `range: false` for instant queries; old files only have `instant`.
        instant: target.instant === true && target.range !== true,
        legendFormat: textOf(target.legendFormat),
        minStepText: textOf(target.interval) || undefined,
        intervalFactor: typeof target.intervalFactor === 'number' ? target.intervalFactor : 1,
        scrapeIntervalMs: source.scrapeIntervalMs ?? scrapeIntervalDefaultMs,
        notJudged: judged ? undefined : describeUnjudged(source.type),
        outside: outsideQuery(source.type, target),
        broken,
      },
    ]
  }

  #dataSource(
    target: Json,
    panel: Json,
    where: string,
    path: DataPath,
  ): { type: string; scrapeIntervalMs: number | undefined; broken?: string } {
    const ofPanel = panel.datasource
    const isMixed = isObject(ofPanel) && ofPanel.uid === '-- Mixed --'
    const [reference, at] =
      target.datasource !== undefined && target.datasource !== null
        ? [target.datasource, [...path, 'datasource']]
        : [isMixed ? undefined : ofPanel, [...path.slice(0, -2), 'datasource']]
    const found = findDataSource(reference, {
      dataSources: this.#options.dataSources,
      variables: this.#variables,
      inputs: this.#inputs,
    })
    if (found.byName !== undefined) {
      const message = `${where}: names its data source "${found.byName}", as before Grafana 8.3; renamed, it is found no more`
      const hint = 'write {"type": "prometheus", "uid": "..."}, or a variable of type datasource'
      this.#report('dashboard-data-source-by-name', 'warning', at, message, hint)
    }
    if (found.unknown !== undefined) {
      const message = `no data source is called "${found.unknown}"`
      const known = this.#options.dataSources.map(({ uid }) => uid)
      this.#report(
        'dashboard-unknown-data-source',
        'error',
        at,
        `${where}: ${message}`,
        didYouMean(found.unknown, known),
      )
      return { type: 'prometheus', scrapeIntervalMs: undefined, broken: message }
    }
    return { type: found.type, scrapeIntervalMs: found.scrapeIntervalMs }
  }

  /** @returns what is wrong with the expression; undefined when nothing is */
  #check(expression: string, where: string, path: DataPath): string | undefined {
    const unknown = this.#checkNames(expression, path, where)
    if (unknown !== undefined) return unknown
    const plain = expandVariables(expression, placeholderScope(this.#variables), 'prometheus')
    try {
      this.#options.engine.inspect(plain)
      return undefined
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      const message = `the expression can't be parsed: ${error.message}`
      this.#report('dashboard-broken-expression', 'error', path, `${where}: ${message}`)
      return message
    }
  }

  #checkNames(text: string, path: DataPath, where: string): string | undefined {
    const known = this.#variables.map(({ name }) => name)
    const unknown = variableNames(text).find((name) => !known.includes(name))
    if (unknown === undefined) return undefined
    const message = `no variable is called "${unknown}"`
    this.#report('dashboard-unknown-variable', 'error', path, `${where}: ${message}`, didYouMean(unknown, known))
    return message
  }

  /** Engines word it differently and name a place or none: the words of the YAML parser are always the same. */
  #notJson(): void {
    const counter = new LineCounter()
    const [first] = parseDocument(this.#text, { lineCounter: counter, prettyErrors: false }).errors
    const { line, col } = counter.linePos(first ? first.pos[0] : 0)
    const isCutOff = first !== undefined && first.pos[1] >= this.#text.trimEnd().length
    const why = isCutOff ? 'it ends in the middle' : first?.message
    const message = why === undefined ? 'is not JSON' : `is not JSON: ${why}`
    const hint = first ? undefined : 'a comma behind the last entry, a comment, or text in single quotes?'
    const place = { file: this.#file, line: line || 1, column: col || 1, path: '' }
    this.problems.push({ code: 'not-json', severity: 'error', ...place, message, hint })
  }

  #refuse(code: string, path: DataPath, message: string, hint?: string): undefined {
    this.#report(code, 'error', path, message, hint)
    return undefined
  }

  #report(code: string, severity: DashboardProblem['severity'], path: DataPath, message: string, hint?: string): void {
    const { line, column } = this.#locate(path)
    this.problems.push({ code, severity, file: this.#file, line, column, path: formatPath(path), message, hint })
  }

  /** JSON is YAML, whose parser keeps places; only who reports a problem pays for it. */
  #locate(path: DataPath): { line: number; column: number } {
    if (!this.#document) {
      const counter = new LineCounter()
      this.#document = { counter, document: parseDocument(this.#text, { lineCounter: counter, strict: false }) }
    }
    const { counter, document } = this.#document
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = document.getIn(path.slice(0, depth), true) as { range?: readonly number[] } | undefined
      if (!node?.range) continue
      const { line, col } = counter.linePos(node.range[0]!)
      return { line, column: col }
    }
    return { line: 1, column: 1 }
  }
}

function readVariable(variable: Json): DashboardVariable {
  const { query, current } = variable
  const value = isObject(current) ? current.value : undefined
  return {
    name: textOf(variable.name),
    type: textOf(variable.type),
    multi: variable.multi === true,
    includeAll: variable.includeAll === true,
    allValue: textOf(variable.allValue) || undefined,
    // A query variable of Prometheus holds an object since Grafana 9.
    query: isObject(query) ? textOf(query.query) : textOf(query),
    regex: textOf(variable.regex),
    sort: typeof variable.sort === 'number' ? variable.sort : 0,
    current: Array.isArray(value) ? value.map(textOf) : value === undefined || value === null ? [] : [textOf(value)],
  }
}

function thresholdsOf(defaults: Json): { value: number; color: string }[] {
  const steps = isObject(defaults.thresholds) ? listOf(defaults.thresholds.steps) : []
  // The first step is the base, below every threshold.
  return steps.flatMap(({ value, color }) => (typeof value === 'number' ? [{ value, color: textOf(color) }] : []))
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : ''
}

function outsideQuery(source: string, target: Json): OutsideQuery | undefined {
  if (source === 'loki') return { source, service: '', operation: '' }
  // A trace by its id is there or not; only a search shows something over time.
  const isSearch = textOf(target.queryType) === 'search' || textOf(target.service) !== ''
  if (source !== 'jaeger' || !isSearch) return undefined
  const operation = textOf(target.operation)
  return { source, service: textOf(target.service), operation: operation === 'all' ? '' : operation }
}
