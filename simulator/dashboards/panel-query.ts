/**
 * How Grafana asks a data source of Prometheus for a panel: the step from the panel's width, rounded and aligned, and the
 * intervals that queries may name.
 *
 * Source: Grafana 12, packages/grafana-data rangeutil (frontend), pkg/promlib/models and pkg/promlib/intervalv2 (server).
 */

/** A page of 1920 pixels, the menu closed: 16 pixels of padding left and right, 24 columns, 8 pixels between them. */
const pageWidth = 1920
const pagePadding = 16
const columns = 24
const gap = 8
/** Prometheus refuses more points for a series. */
const safePoints = 11_000
/** What Grafana's data source assumes where nobody states the scrape interval. */
export const scrapeIntervalDefaultMs = 15_000

/** @param width in columns of the grid, 1 to 24 @returns pixels, which are the points that Grafana asks for */
export function panelPixels(width: number): number {
  const column = (pageWidth - 2 * pagePadding - gap * (columns - 1)) / columns
  return Math.floor(width * column + (width - 1) * gap)
}

export interface IntervalOptions {
  /** Length of the dashboard's time range. */
  readonly rangeMs: number
  readonly maxDataPoints: number
  /** "Scrape interval" of the data source. */
  readonly scrapeIntervalMs: number
  /** "Min interval" of the panel's query options. */
  readonly panelMinIntervalMs: number | undefined
  /** "Min step" of the query; `$__rate_interval` and `$__interval` are allowed there too. */
  readonly minStep: number | '$__interval' | '$__rate_interval' | undefined
  readonly intervalFactor: number
}

export interface QueryIntervals {
  /** Step of the range query, and `$__interval`. */
  readonly stepMs: number
  /** `$__rate_interval`. */
  readonly rateIntervalMs: number
}

/** What a query of a panel is asked with. */
export function queryIntervals(options: IntervalOptions): QueryIntervals {
  const { rangeMs, maxDataPoints, scrapeIntervalMs, minStep } = options
  // The browser rounds first; what it sends is the least step where the query names none.
  const requestMs = Math.max(
    options.panelMinIntervalMs ?? scrapeIntervalMs,
    roundInterval(Math.floor(rangeMs / maxDataPoints)),
  )
  const leastMs = typeof minStep === 'number' ? minStep : requestMs
  const plainMs = rangeMs / maxDataPoints
  const calculatedMs = plainMs < leastMs ? leastMs : roundInterval(plainMs)
  const adjustedMs = Math.max(calculatedMs, roundInterval(rangeMs / safePoints))
  if (minStep === '$__rate_interval') {
    const rateIntervalMs = rateInterval(adjustedMs, scrapeIntervalMs)
    return { stepMs: rateIntervalMs, rateIntervalMs }
  }
  const stepMs = adjustedMs * Math.max(1, options.intervalFactor)
  const scrapeMs = minStep === '$__interval' ? stepMs : (minStep ?? scrapeIntervalMs)
  return { stepMs, rateIntervalMs: rateInterval(requestMs, scrapeMs) }
}

/** Wide enough to hold two samples in any case, and one step more than the step. */
function rateInterval(intervalMs: number, scrapeMs: number): number {
  return Math.max(intervalMs + scrapeMs, 4 * scrapeMs)
}

/** Up to (exclusive), and what it becomes; milliseconds. */
const roundings: readonly (readonly [below: number, interval: number])[] = [
  [10, 1],
  [15, 10],
  [35, 20],
  [75, 50],
  [150, 100],
  [350, 200],
  [750, 500],
  [1_500, 1_000],
  [3_500, 2_000],
  [7_500, 5_000],
  [12_500, 10_000],
  [17_500, 15_000],
  [25_000, 20_000],
  [45_000, 30_000],
  [90_000, 60_000],
  [210_000, 120_000],
  [450_000, 300_000],
  [750_000, 600_000],
  [1_050_000, 900_000],
  [1_500_000, 1_200_000],
  [2_700_000, 1_800_000],
  [5_400_000, 3_600_000],
  [9_000_000, 7_200_000],
  [16_200_000, 10_800_000],
  [32_400_000, 21_600_000],
  [86_400_000, 43_200_000],
  [604_800_000, 86_400_000],
  [1_814_400_000, 604_800_000],
  [3_628_800_000, 2_592_000_000],
]

/** Grafana's table of nice intervals. */
export function roundInterval(intervalMs: number): number {
  return roundings.find(([below]) => intervalMs < below)?.[1] ?? 31_536_000_000
}

/** Both ends go down to a multiple of the step since 1970, so that a refresh does not shift the points. */
export function alignRange(
  startMs: number,
  endMs: number,
  stepMs: number,
): { readonly startMs: number; readonly endMs: number } {
  return { startMs: Math.floor(startMs / stepMs) * stepMs, endMs: Math.floor(endMs / stepMs) * stepMs }
}

/** `$__interval` as text: the largest unit, cut off. @returns for example `15s`, `1m` */
export function formatInterval(intervalMs: number): string {
  const unit = units.find(([, length]) => intervalMs >= length)
  return unit ? `${Math.floor(intervalMs / unit[1])}${unit[0]}` : '1ms'
}

const units: readonly (readonly [string, number])[] = [
  ['y', 31_536_000_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]

/** `$__rate_interval` as text, the way Go writes durations. @returns for example `1m0s`, `45s` */
export function formatGoDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = `${(ms % 60_000) / 1000}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  if (minutes > 0) return `${minutes}m${seconds}`
  return ms > 0 && ms < 1000 ? `${ms}ms` : seconds
}

/**
 * An interval of a panel or query, for example `1m`, `>30s` or `10` (seconds).
 * @returns milliseconds; undefined when it is none
 */
export function parseInterval(text: string): number | undefined {
  const trimmed = text.trim().replace(/^>=?/, '')
  if (/^\d+$/.test(trimmed)) return Number(trimmed) * 1000
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwMy])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== trimmed) return undefined
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0)
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
}
