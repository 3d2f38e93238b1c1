/**
 * The metrics that the platform exposes, for docs/metrics.md: those of the services and of live processes from their
 * definitions, those of exporters and servers from what they show in a short virtual run; and which rules and panels use
 * each of them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metric } from 'prom-client'
import { parse } from 'yaml'
import { backendApiMetrics } from '../services/backend-api/metrics.ts'
import { dataPipelineMetrics } from '../services/data-pipeline/metrics.ts'
import { mlEngineMetrics } from '../services/ml-engine/metrics.ts'
import { type MetricDefinition, unitOf } from '../services/runtime/telemetry/metrics.ts'
import { processMetricDefinitions } from '../services/runtime/telemetry/process-metrics.ts'
import { telemetryMetrics } from '../services/runtime/telemetry/telemetry-metrics.ts'
import { tenantUsageMetrics } from '../services/runtime/tenant-usage.ts'
import { expressionsIn, parseExpression } from '../simulator/alerts/expression-tree.ts'
import { withoutVariables } from '../simulator/findings/panel-queries.ts'
import { loadScenario } from '../simulator/scenario/load-scenario.ts'
import { VirtualWorld } from '../simulator/world/virtual-world.ts'

export interface MetricReference {
  readonly target: string
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly help: string
  /** Only processes of the live world have it. */
  readonly liveOnly: boolean
  /** Part of the platform's catalogue; the others are "additional". */
  readonly documented: boolean
}

export interface Catalogue {
  /** Job to metric to labels. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly types: Readonly<Record<string, string>>
}

const definitionsOf: Readonly<Record<string, readonly Readonly<Record<string, MetricDefinition>>[]>> = {
  'backend-api': [backendApiMetrics, tenantUsageMetrics, processMetricDefinitions],
  'ml-engine': [mlEngineMetrics, tenantUsageMetrics, processMetricDefinitions],
  'data-pipeline': [dataPipelineMetrics, tenantUsageMetrics, processMetricDefinitions],
}

/** An exporter is scraped as the job of what it exports. */
const jobOf = (target: string) => target.replace(/^(postgres|redis)-exporter$/, '$1')

const everyTarget: readonly (readonly [name: string, help: string])[] = [
  ['up', '1 when the last scrape succeeded, 0 when it failed'],
  ['scrape_duration_seconds', 'How long the scrape took'],
  ['scrape_samples_scraped', 'Samples that the target exposed'],
  ['scrape_samples_post_metric_relabeling', 'Samples that metric relabelling left'],
  ['scrape_series_added', 'Series that the scrape showed for the first time'],
]
const scraperTarget = 'every target'

export async function metricReferences(root: string, catalogue: Catalogue): Promise<MetricReference[]> {
  const references: MetricReference[] = []
  const add = (target: string, { name, type, labels, help }: Omit<MetricDefinition, 'buckets'>, liveOnly = false) => {
    if (references.some((known) => known.target === target && known.name === name)) return
    const documented = catalogue.metrics[jobOf(target)]?.[name] !== undefined
    references.push({ target, name, type, labels: [...labels].sort(), help, liveOnly, documented })
  }
  for (const [target, exposed] of await exposedMetrics(root)) {
    const definitions = (definitionsOf[target] ?? []).flatMap((group) => Object.values(group))
    const shown = new Set(exposed.map(({ name }) => name))
    // A definition that only some services register is none of the others'.
    for (const definition of definitions) if (shown.has(definition.name)) add(target, definition)
    for (const metric of exposed) add(target, metric)
    if (definitions.length > 0) for (const own of Object.values(telemetryMetrics)) add(target, own, true)
  }
  for (const [name, help] of everyTarget) add(scraperTarget, { name, type: 'gauge', labels: [], help })
  return references
}

/** @returns what each process of the platform shows after two minutes without a fault */
async function exposedMetrics(root: string): Promise<Map<string, Omit<MetricDefinition, 'buckets'>[]>> {
  const folder = join(root, 'scenarios')
  const { drills } = loadScenario(join(folder, 'steady-state.yaml'), { worldsFolder: join(folder, 'worlds') })
  const { world: description, seed, startMs, load } = drills[0]!
  const world = new VirtualWorld({
    world: description,
    seed,
    startMs,
    load,
    onLogLine() {},
    onSpan() {},
    prometheus: { version: '3.0.0', headSeries: () => 0, samplesAppended: () => 0 },
  })
  world.start()
  await world.kernel.runUntil(120_000)
  const exposed = new Map<string, Omit<MetricDefinition, 'buckets'>[]>()
  for (const [name, { life, program }] of world.processes) {
    program?.beforeScrape?.()
    const metrics = (life?.registry.getMetricsAsArray() ?? []) as unknown as (Metric & Exposed)[]
    exposed.set(
      name,
      metrics.map(({ name: metric, help, type, labelNames }) => ({ name: metric, help, type, labels: labelNames })),
    )
  }
  return exposed
}

interface Exposed {
  readonly name: string
  readonly help: string
  readonly type: MetricDefinition['type']
  readonly labelNames: readonly string[]
}

/** Metric to the rules and panels that read it. */
export function metricUses(root: string): Map<string, Set<string>> {
  const uses = new Map<string, Set<string>>()
  const note = (expression: string, use: string) => {
    const tree = parseExpression(expression)
    for (const part of tree ? expressionsIn(tree) : []) {
      if (part.kind !== 'selector' || part.metric === undefined) continue
      for (const name of new Set([part.metric, part.metric.replace(/_(bucket|sum|count)$/, '')])) {
        uses.set(name, (uses.get(name) ?? new Set()).add(use))
      }
    }
  }
  const rules = join(root, 'observability', 'prometheus')
  for (const file of readdirSync(rules)
    .filter((name) => name.endsWith('-rules.yml'))
    .sort()) {
    const { groups } = parse(readFileSync(join(rules, file), 'utf8')) as RuleFile
    for (const { alert, record, expr } of groups.flatMap((group) => group.rules))
      note(String(expr), `${alert ?? record}`)
  }
  const dashboards = join(root, 'observability', 'grafana', 'dashboards')
  for (const file of readdirSync(dashboards)
    .filter((name) => name.endsWith('.json'))
    .sort()) {
    const { uid, panels } = JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as DashboardFile
    for (const panel of panels.flatMap((one) => [one, ...(one.panels ?? [])])) {
      for (const { expr } of panel.targets ?? []) if (expr) note(withoutVariables(expr), `${uid} / ${panel.title}`)
    }
  }
  return uses
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert?: string; readonly record?: string; readonly expr: unknown }[]
  }[]
}

interface PanelInFile {
  readonly title?: string
  readonly targets?: readonly { readonly expr?: string }[]
  readonly panels?: readonly PanelInFile[]
}

interface DashboardFile {
  readonly uid: string
  readonly panels: readonly PanelInFile[]
}

/** The text of docs/metrics.md. */
export function metricsPage(
  references: readonly MetricReference[],
  uses: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  const sections = (documented: boolean, heading: string) =>
    [...new Set(references.map(({ target }) => target))].flatMap((target) => {
      const own = references.filter((one) => one.target === target && one.documented === documented)
      if (own.length === 0) return []
      const rows = own.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((one) => row(one, uses.get(one.name)))
      return [`${heading} ${target === scraperTarget ? 'Every target' : target}\n\n${tableHead}\n${rows.join('\n')}\n`]
    })
  return `${intro}\n${sections(true, '##').join('\n')}\n${additional}\n${sections(false, '###').join('\n')}`
}

function row({ name, type, labels, help, liveOnly }: MetricReference, used: ReadonlySet<string> | undefined): string {
  const cells = [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    unitOf(name) ?? '',
    `${help.replace(/\.$/, '')}${liveOnly ? ' (live processes only)' : ''}`,
    [...(used ?? [])].join('; '),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

const tableHead = '| metric | type | labels | unit | meaning | used by |\n|---|---|---|---|---|---|'

const intro = `# Metrics

<!-- Written by \`npm run metrics-reference\` from the definitions in services/, a short virtual run, the rules and the dashboards. -->

What the platform exposes, by target. Labels of the target (\`job\`, \`instance\`) are on all of them. The unit is that of the name;
what has none is counted. "Used by" names alerts, recording rules, and panels as \`dashboard / panel\`.
Findings compare rules and panels with this page: \`metric-not-documented\`, \`metric-not-used\`. A test fails when the page is not
what the definitions say, or when these differ from the platform's catalogue in a name, a type or a label.
`

const additional = `## Additional

What goes beyond the platform's catalogue.
`
