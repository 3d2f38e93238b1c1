/** The rules of grafana/dashboard-linter, stated anew over every shipped dashboard. Exceptions carry their reason. */
import { parser as logQlParser } from '@grafana/lezer-logql'
import type { SyntaxNode } from '@lezer/common'
import { parser as promQlParser } from '@prometheus-io/lezer-promql'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, ExpressionFacts } from '../../simulator/judge/embedded/engine.ts'
import { compileEngine, startEngine } from '../../simulator/judge/embedded/load-engine.ts'
import {
  type Dashboard,
  exploreQueries,
  type Panel,
  panelsOf,
  readDashboards,
  type Target,
  withoutVariables,
} from './dashboard-files.ts'
import { lintExceptions } from './dashboard-lint-exceptions.ts'

/** Units of Grafana that these dashboards use; another one is added here once it has been looked up. */
const knownUnits = ['none', 'short', 'percentunit', 's', 'bytes', 'Bps', 'iops', 'reqps', 'ops', 'cps', 'currencyUSD']

interface Complaint {
  readonly rule: string
  readonly dashboard: string
  readonly panel: string
  readonly message: string
}

const complaints: Complaint[] = []
const dashboards = readDashboards()
let engine: Engine

beforeAll(async () => {
  engine = await startEngine(await compileEngine())
  for (const dashboard of dashboards) lintDashboard(dashboard)
}, 60_000)

const rules = [
  'template-datasource',
  'template-job',
  'template-instance',
  'panel-datasource',
  'panel-title-description',
  'panel-units',
  'panel-no-targets',
  'target-promql',
  'target-logql',
  'target-rate-interval',
  'target-job',
  'target-instance',
  'target-counter-agg',
  'uneditable-dashboard',
]

test.each(rules)('%s: no dashboard departs from it without a reason', (rule) => {
  const unexpected = complaints.filter((complaint) => complaint.rule === rule && !isExcepted(complaint))
  expect(unexpected.map(({ dashboard, panel, message }) => `${dashboard}: ${panel}: ${message}`)).toEqual([])
})

test('no exception is left that nothing needs', () => {
  const idle = lintExceptions.filter(
    ({ rule, dashboard, panel }) =>
      !complaints.some((one) => one.rule === rule && one.dashboard === dashboard && (panel ?? one.panel) === one.panel),
  )
  expect(idle).toEqual([])
})

describe('the checks themselves find', () => {
  const faulty = (expr: string, panel: Partial<Panel> = {}) => {
    const before = complaints.length
    const model = dashboards.find(({ uid }) => uid === 'system-health')!
    const target = { ...panelsOf(model)[0]!.targets![0]!, expr }
    lintPanel(model, { ...panelsOf(model)[0]!, targets: [target], ...panel })
    return complaints.splice(before).map(({ rule }) => rule)
  }
  const matched = 'job=~"$job", instance=~"$instance"'

  test('nothing in a proper query', () => {
    expect(faulty(`rate(x_total{${matched}}[$__rate_interval])`)).toEqual([])
  })
  test('a broken expression', () => {
    expect(faulty('sum(up')).toEqual(['target-promql'])
  })
  test('a rate over a fixed range', () => {
    expect(faulty(`rate(x_total{${matched}}[5m])`)).toEqual(['target-rate-interval'])
  })
  test('a counter without a rate', () => {
    expect(faulty(`sum(x_total{${matched}})`)).toEqual(['target-counter-agg'])
  })
  test('a link to logs that is not LogQL', () => {
    const expr = '{service="a"} | json | event='
    const panes = JSON.stringify({ a: { queries: [{ expr }] } })
    const links = [{ title: 'logs', url: `/explore?panes=${encodeURIComponent(panes)}` }]
    const panel = { fieldConfig: { defaults: { unit: 's', links }, overrides: [] } }
    expect(faulty(`up{${matched}}`, panel)).toEqual(['target-logql'])
  })
  test('a query over all jobs and instances', () => {
    expect(faulty('up')).toEqual(['target-job', 'target-instance'])
  })
  test('a panel without unit, description and targets', () => {
    const panel = { description: '', fieldConfig: { defaults: {}, overrides: [] }, targets: [] }
    expect(faulty('up', panel)).toEqual(['panel-title-description', 'panel-units', 'panel-no-targets'])
  })
})

function isExcepted({ rule, dashboard, panel }: Complaint): boolean {
  return lintExceptions.some(
    (one) => one.rule === rule && one.dashboard === dashboard && (one.panel === undefined || one.panel === panel),
  )
}

function lintDashboard(dashboard: Dashboard): void {
  const complain = (rule: string, message: string) =>
    complaints.push({ rule, dashboard: dashboard.uid, panel: '', message })
  const variables = dashboard.templating.list
  const source = variables.find(({ type }) => type === 'datasource')
  if (source?.name !== 'datasource' || source.label !== 'Data source' || source.query !== 'prometheus') {
    complain('template-datasource', 'no variable "datasource" of type prometheus')
  }
  for (const name of ['job', 'instance']) {
    const variable = variables.find((one) => one.name === name)
    const isProper =
      variable?.type === 'query' &&
      variable.datasource?.uid === '${datasource}' &&
      variable.multi &&
      variable.includeAll &&
      variable.allValue === '.+'
    if (!isProper) complain(`template-${name}`, `no variable "${name}" with several values and All as .+`)
  }
  if (dashboard.editable) complain('uneditable-dashboard', 'can be edited in the browser')
  for (const panel of panelsOf(dashboard)) lintPanel(dashboard, panel)
}

function lintPanel(dashboard: Dashboard, panel: Panel): void {
  const complain = (rule: string, message: string) =>
    complaints.push({ rule, dashboard: dashboard.uid, panel: panel.title, message })
  const { title, description, datasource, targets = [], fieldConfig } = panel
  if (!title || !description) complain('panel-title-description', 'no title or description')
  const units = fieldConfig.overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'unit'))
  for (const unit of [fieldConfig.defaults.unit, ...units.map(({ value }) => String(value))]) {
    if (!unit || !knownUnits.includes(unit)) complain('panel-units', `unknown unit ${unit}`)
  }
  if (targets.length === 0) complain('panel-no-targets', 'asks for nothing')
  for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
    if (source?.type !== 'prometheus' || source.uid !== '${datasource}') {
      complain('panel-datasource', 'does not use the variable datasource')
    }
  }
  for (const target of targets) lintTarget(target, complain)
  for (const { url } of linksOf(panel)) {
    for (const { expr } of exploreQueries(url)) {
      if (typeof expr === 'string' && !isLogQl(withoutVariables(expr))) complain('target-logql', `not LogQL: ${expr}`)
    }
  }
}

function linksOf({ fieldConfig }: Panel): readonly { readonly url: string }[] {
  const own = fieldConfig.overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'links'))
  return [...(fieldConfig.defaults.links ?? []), ...own.flatMap(({ value }) => value as { url: string }[])]
}

function lintTarget({ expr }: Target, complain: (rule: string, message: string) => void): void {
  const plain = withoutVariables(expr)
  let facts: ExpressionFacts
  try {
    facts = engine.inspect(plain)
  } catch (error) {
    complain('target-promql', `${expr}: ${(error as Error).message}`)
    return
  }
  for (const name of ['job', 'instance'] as const) {
    const isMatched = facts.selectors.every(({ matchers }) => matchers.some((matcher) => matcher.name === name))
    if (!isMatched) complain(`target-${name}`, `a selector without ${name}: ${expr}`)
  }
  for (const call of callsOver(expr)) {
    if (['rate', 'irate'].includes(call.name) && call.range !== '$__rate_interval') {
      complain('target-rate-interval', `${call.name} over ${call.range}: ${expr}`)
    }
  }
  const counted = callsOver(expr).filter(({ name }) => ['rate', 'irate', 'increase'].includes(name))
  for (const { metric } of facts.selectors) {
    if (!metric?.endsWith('_total')) continue
    if (occurrences(plain, metric) > counted.filter((call) => call.metric === metric).length) {
      complain('target-counter-agg', `${metric} without a rate: ${expr}`)
    }
  }
}

/** Calls of functions over a range of a selector: `rate(up[5m])`. Ranges as they are written, variables included. */
function callsOver(expr: string): { name: string; metric: string; range: string }[] {
  const ranges: string[] = []
  // The grammar knows no variables. Each range gets a number of its own, in minutes, by which it is found again.
  const numbered = expr.replaceAll(/(?<=[}\w])\[(\$\w+|\d[\w:]*)\]/g, (_, range: string) => `[${ranges.push(range)}m]`)
  const found: { name: string; metric: string; range: string }[] = []
  const text = withoutVariables(numbered)
  promQlParser.parse(text).iterate({
    enter({ name, node }) {
      if (name !== 'MatrixSelector') return
      const call = ancestor(node, 'FunctionCall')
      const metric = node.firstChild?.getChild('Identifier')
      const range = /\[(\d+)m\]/.exec(text.slice(node.from, node.to))?.[1]
      if (!call || !metric || range === undefined) return
      const callName = text.slice(call.from, call.firstChild!.to)
      found.push({ name: callName, metric: text.slice(metric.from, metric.to), range: ranges[Number(range) - 1]! })
    },
  })
  return found
}

function ancestor(node: SyntaxNode, name: string): SyntaxNode | undefined {
  for (let at = node.parent; at; at = at.parent) if (at.name === name) return at
  return undefined
}

function occurrences(text: string, word: string): number {
  return [...text.matchAll(new RegExp(`\\b${word}\\b`, 'g'))].length
}

function isLogQl(text: string): boolean {
  let isWhole = true
  logQlParser.parse(text).iterate({
    enter({ type }) {
      if (type.isError) isWhole = false
    },
  })
  return isWhole
}
