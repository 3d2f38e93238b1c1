/**
 * Writes a registry as text: Prometheus's format, or OpenMetrics where the scraper asks for it. prom-client's own
 * OpenMetrics output would rename counters whose documented name does not end in `_total`, and change them for good.
 */
import type { Registry } from 'prom-client'
import { exemplarOf } from '../telemetry/exemplars.ts'
import { unitOf } from '../telemetry/metrics.ts'

const plainType = 'text/plain; version=0.0.4; charset=utf-8'
const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly Value[]
}

interface Value {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** @param accept the scraper's Accept header */
export async function exposeText(
  registry: Registry,
  accept: string | undefined,
): Promise<{ contentType: string; text: string }> {
  const openMetrics = prefersOpenMetrics(accept)
  const families = (await registry.getMetricsAsJSON()) as unknown as readonly Family[]
  let text = ''
  for (const family of families) {
    text += openMetrics ? openMetricsOf(family, registry.getSingleMetric(family.name)) : plainOf(family)
  }
  return openMetrics ? { contentType: openMetricsType, text: `${text}# EOF\n` } : { contentType: plainType, text }
}

function plainOf({ name, help, type, values }: Family): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${values.map((value) => sample(name, value)).join('')}`
}

/**
 * A counter's family is named without `_total`. One whose samples do not end in it can't be called a counter there. Buckets
 * carry the trace of a request that fell into them.
 */
function openMetricsOf({ name, help, type, values }: Family, metric: object | undefined): string {
  const isCounter = type === 'counter'
  const family = isCounter && name.endsWith('_total') ? name.slice(0, -'_total'.length) : name
  const shown = isCounter && family === name ? 'unknown' : type
  const unit = unitOf(family)
  let text = `# HELP ${family} ${escapeHelp(help).replaceAll('"', '\\"')}\n# TYPE ${family} ${shown}\n`
  // A family may state only the unit that its name ends with.
  if (unit !== undefined && shown !== 'unknown' && family.endsWith(`_${unit}`)) text += `# UNIT ${family} ${unit}\n`
  for (const value of values) {
    const exemplar = value.metricName?.endsWith('_bucket') ? exemplarOf(metric, value.labels) : undefined
    const line = sample(name, value)
    text += exemplar
      ? `${line.slice(0, -1)} # {trace_id="${exemplar.traceId}",span_id="${exemplar.spanId}"} ${formatValue(exemplar.value)} ${exemplar.atMs / 1000}\n`
      : line
  }
  return text
}

function sample(family: string, { metricName, labels, value }: Value): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escapeLabel(String(labels[name]))}"`
  return `${metricName ?? family}${text === '' ? '' : `{${text}}`} ${formatValue(value)}\n`
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return /[\\\n"]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"') : text
}

/** By the weights that the scraper gives the two; without an opinion it gets plain text. */
function prefersOpenMetrics(accept = ''): boolean {
  let best = { openMetrics: false, weight: 0 }
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = quality === undefined ? 1 : Number(quality.slice(2))
    const openMetrics = type === 'application/openmetrics-text'
    if (!openMetrics && type !== 'text/plain' && type !== '*/*') continue
    if (weight > best.weight) best = { openMetrics, weight }
  }
  return best.openMetrics
}
