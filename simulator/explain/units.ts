/** What a part of an expression is measured in, told by Prometheus's naming rules, and how such a number is written. */
import type { ExpressionPart } from './take-apart.ts'

export type Unit = 'ratio' | 'seconds' | 'bytes' | 'per second' | 'bytes per second' | 'none'

/** @returns 'none' whenever the names do not tell */
export function unitOf(part: ExpressionPart): Unit {
  switch (part.kind) {
    case 'comparison':
    case 'set':
      return part.isBool ? 'none' : unitOf(firstOf(part.parts))
    case 'arithmetic':
      return unitOfArithmetic(part)
    case 'aggregation':
      return /^(count|count_values|group|stdvar)/.test(part.operator) ? 'none' : unitOf(lastOf(part.parts))
    case 'function':
      return unitOfFunction(part)
    default:
      return unitOfMetric(part.metrics[0] ?? '')
  }
}

/** @returns for example `4.1 %`, `1.25 s`, `10,000`, `0.12/s` */
export function formatValue(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  switch (unit) {
    case 'ratio':
      return `${plainNumber(value * 100)} %`
    case 'seconds':
      return formatSeconds(value)
    case 'bytes':
      return formatBytes(value)
    case 'bytes per second':
      return `${formatBytes(value)}/s`
    case 'per second':
      return `${plainNumber(value)}/s`
    case 'none':
      return plainNumber(value)
  }
}

function unitOfArithmetic({ operator, parts }: ExpressionPart): Unit {
  const [left, right] = [parts[0]!, parts[1]!]
  const [a, b] = [left, right].map((part) => (part.kind === 'number' ? undefined : unitOf(part)))
  if (operator === '/') {
    if (a !== undefined && b !== undefined) return a === b ? 'ratio' : b === 'none' ? a : 'none'
    return a ?? 'none'
  }
  // `time() - x` is an age, whatever x is called.
  if (operator === '-' && left.kind === 'function' && left.operator === 'time') return 'seconds'
  if (operator === '+' || operator === '-') return a ?? b ?? 'none'
  return operator === '*' && (a === undefined || b === undefined) ? (a ?? b ?? 'none') : 'none'
}

function unitOfFunction({ operator, parts, metrics }: ExpressionPart): Unit {
  if (operator === 'time') return 'seconds'
  if (operator === 'histogram_quantile' || operator === 'quantile_over_time') return unitOf(lastOf(parts))
  if (/^(rate|irate|deriv)$/.test(operator)) {
    const unit = unitOfMetric(metrics[0] ?? '')
    // Seconds of a histogram stay seconds in the quantile over the rates of its buckets.
    if (unit === 'seconds') return /_bucket$/.test(metrics[0] ?? '') ? 'seconds' : 'none'
    return unit === 'bytes' ? 'bytes per second' : 'per second'
  }
  if (
    /^(increase|delta|idelta|round|ceil|floor|abs|clamp|clamp_min|clamp_max|sort|sort_desc|scalar|vector)$/.test(
      operator,
    )
  ) {
    return unitOf(firstOf(parts))
  }
  if (/^(avg|min|max|sum|last)_over_time$/.test(operator)) return unitOf(firstOf(parts))
  return 'none'
}

function unitOfMetric(name: string): Unit {
  if (/_ratio$/.test(name)) return 'ratio'
  if (/_bytes(_total|_sum|_bucket)?$/.test(name)) return 'bytes'
  if (/_timestamp(_seconds)?$|_time_seconds$/.test(name)) return 'none'
  return /_seconds(_total|_sum|_bucket)?$/.test(name) ? 'seconds' : 'none'
}

function firstOf(parts: readonly ExpressionPart[]): ExpressionPart {
  return parts[0] ?? nothing
}

function lastOf(parts: readonly ExpressionPart[]): ExpressionPart {
  return parts.at(-1) ?? nothing
}

const nothing: ExpressionPart = {
  text: '',
  kind: 'other',
  operator: '',
  matching: '',
  isBool: false,
  value: undefined,
  metrics: [],
  parts: [],
}

/** Three digits where they say something, thousands with commas. */
export function plainNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 1000)
    return groupThousands(size < 10_000 && size % 1 !== 0 ? Math.round(value * 10) / 10 : Math.round(value))
  if (size !== 0 && size < 0.001) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

function groupThousands(value: number): string {
  const [whole, fraction] = String(value).split('.')
  const grouped = whole!.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

function formatSeconds(value: number): string {
  const size = Math.abs(value)
  if (size >= 3600) return `${plainNumber(value / 3600)} h`
  if (size >= 120) return `${plainNumber(value / 60)} min`
  return size !== 0 && size < 1 ? `${plainNumber(value * 1000)} ms` : `${plainNumber(value)} s`
}

function formatBytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let scaled = value
  let i = 0
  for (; Math.abs(scaled) >= 1024 && i < units.length - 1; i += 1) scaled /= 1024
  return `${plainNumber(scaled)} ${units[i]}`
}
