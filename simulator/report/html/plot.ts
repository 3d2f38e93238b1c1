/** Lines over time, drawn as SVG that stretches, with texts beside it as ordinary text. Readable without script. */
import type { ChartSeries } from '../../drill/drill-evidence.ts'
import { formatClock } from '../../expectations/clock-text.ts'
import { formatValue, type Unit } from '../../explain/units.ts'
import { type Content, html } from './markup.ts'
import { gridLines, percent, placeOf, spanStyle, type TimeScale } from './scale.ts'

export interface Plot {
  readonly series: readonly ChartSeries[]
  readonly scale: TimeScale
  readonly unit: Unit
  /** What it shows, for those who can't see it. */
  readonly title: string
  readonly threshold?: { readonly operator: string; readonly value: number } | undefined
  /** Time of faults, shaded. */
  readonly faults: readonly { readonly fromS: number; readonly toS: number }[]
  /** A point that is worth a mark. */
  readonly mark?: { readonly atS: number; readonly value: number; readonly text: string } | undefined
  /** Points of a line; fewer make a smaller file. */
  readonly pointsMax: number
  readonly size: 'tall' | 'small'
}

export function plot({ series, scale, unit, title, threshold, faults, mark, pointsMax, size }: Plot): Content {
  const drawn = series.map((one) => thin(one, pointsMax)).filter(({ values }) => values.length > 0)
  if (drawn.length === 0) return html`<div class="plot ${size} none">no data</div>`
  const range = rangeOf(drawn, threshold?.value)
  const data = {
    from: scale.fromS,
    to: scale.toS,
    unit,
    series: drawn.map(({ name, timesS, values }) => ({ n: name, ...timesOf(timesS), v: values.map(rounded) })),
  }
  const label = `${title}: between ${formatValue(range.least, unit)} and ${formatValue(range.most, unit)}${
    threshold ? `, threshold ${threshold.operator} ${formatValue(threshold.value, unit)}` : ''
  }`
  return html`<div class="plot ${size}" role="img" tabindex="0" aria-label="${label}" data-plot="${JSON.stringify(data)}">
${faults.map(({ fromS, toS }) => html`<i class="fault" style="${spanStyle(fromS, toS, scale)}"></i>`)}${gridLines(scale)}${
  threshold && zone(threshold, range)
}<svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">${drawn
    .map((one, i) => ({ one, i }))
    .reverse()
    .map(({ one, i }) => html`<path class="line s${i}" d="${pathOf(one, scale, range)}"/>`)}</svg>${
    threshold && limit(threshold, range, unit)
  }<span class="top" style="top:${percent(Math.min(0.62, 1 - shareOf(range.most, range)))}">${formatValue(range.most, unit)}</span><span class="bottom">${formatValue(range.least, unit)}</span>${
    mark &&
    html`<i class="mark" style="left:${placeOf(mark.atS, scale)};top:${heightOf(mark.value, range)}" title="${mark.text} at ${formatClock(mark.atS)}"></i>`
  }</div>`
}

/** The side of the threshold on which the condition is true. */
function zone({ operator, value }: NonNullable<Plot['threshold']>, range: Range): Content {
  if (operator.startsWith('>')) return html`<i class="zone" style="top:0;height:${heightOf(value, range)}"></i>`
  if (operator.startsWith('<')) return html`<i class="zone" style="top:${heightOf(value, range)};bottom:0"></i>`
  return false
}

function limit({ operator, value }: NonNullable<Plot['threshold']>, range: Range, unit: Unit): Content {
  const place = shareOf(value, range) > 0.75 ? 'under' : 'over'
  return html`<i class="limit" style="top:${heightOf(value, range)}"><em class="${place}">threshold ${operator} ${formatValue(value, unit)}</em></i>`
}

interface Range {
  /** Of the data. */
  readonly least: number
  readonly most: number
  /** Of the picture. */
  readonly bottom: number
  readonly top: number
}

function rangeOf(series: readonly ChartSeries[], threshold: number | undefined): Range {
  const values = series.flatMap((one) => one.values.filter(Number.isFinite))
  const least = Math.min(...values)
  const most = Math.max(...values)
  const shown = threshold === undefined ? [least, most] : [least, most, threshold]
  const low = Math.min(...shown)
  const high = Math.max(...shown)
  // From zero, unless that would flatten what moves.
  const bottom = low >= 0 && low < high * 0.9 ? 0 : low
  const pad = high === bottom ? Math.abs(high) || 1 : (high - bottom) * 0.08
  return { least, most, bottom: bottom === 0 ? 0 : bottom - pad, top: high + pad }
}

function shareOf(value: number, { bottom, top }: Range): number {
  return Math.min(1, Math.max(0, (value - bottom) / (top - bottom)))
}

function heightOf(value: number, range: Range): string {
  return percent(1 - shareOf(value, range))
}

/** Relative coordinates of whole units: short, and enough for the picture. */
function pathOf({ timesS, values }: ChartSeries, { fromS, toS }: TimeScale, range: Range): string {
  const gapS = 2.5 * usualStep(timesS)
  const parts: string[] = []
  let last: { x: number; y: number; atS: number } | undefined
  values.forEach((value, i) => {
    const atS = timesS[i]!
    if (!Number.isFinite(value)) {
      last = undefined
      return
    }
    const x = Math.round(((atS - fromS) / (toS - fromS)) * 1000)
    const y = Math.round((1 - shareOf(value, range)) * 1000) / 10
    // A point alone is a line of no length, which round ends make visible.
    if (!last || atS - last.atS > gapS) parts.push(`M${x} ${y}h0`)
    else if (y === last.y) parts.push(`H${x}`)
    else parts.push(`L${x} ${y}`)
    last = { x, y, atS }
  })
  return parts.join('')
}

function usualStep(timesS: readonly number[]): number {
  const steps = timesS.slice(1).map((atS, i) => atS - timesS[i]!)
  return steps.length > 0 ? steps.toSorted((a, b) => a - b)[steps.length >> 1]! : 1
}

/** Fewer points: of each piece the least and the most stay, in their order, so that no peak is lost. */
export function thin({ name, timesS, values }: ChartSeries, pointsMax: number): ChartSeries {
  if (values.length <= pointsMax) return { name, timesS, values }
  const pieces = Math.max(1, pointsMax >> 1)
  const kept: number[] = []
  for (let piece = 0; piece < pieces; piece += 1) {
    const from = Math.floor((piece * values.length) / pieces)
    const until = Math.floor(((piece + 1) * values.length) / pieces)
    let [least, most] = [from, from]
    for (let i = from; i < until; i += 1) {
      if (values[i]! < values[least]!) least = i
      if (values[i]! > values[most]!) most = i
    }
    kept.push(...new Set([Math.min(least, most), Math.max(least, most)]))
  }
  return { name, timesS: kept.map((i) => timesS[i]!), values: kept.map((i) => values[i]!) }
}

/** Start and step where the times are regular, else the times. */
function timesOf(timesS: readonly number[]): { s: [number, number] } | { t: readonly number[] } {
  const step = timesS.length > 1 ? timesS[1]! - timesS[0]! : 1
  const isRegular = timesS.every((atS, i) => Math.abs(atS - (timesS[0]! + i * step)) < 1e-6)
  return isRegular ? { s: [timesS[0]!, step] } : { t: timesS }
}

function rounded(value: number): number | string {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : String(value)
}
