/** From seconds of a drill to places on a page, in per cent: everything stretches with the width of the screen. */
import { formatClock } from '../../expectations/clock-text.ts'
import { type Content, html } from './markup.ts'

export interface TimeScale {
  readonly fromS: number
  readonly toS: number
}

/** @returns for example `12.5%`, kept inside of the scale */
export function placeOf(atS: number, { fromS, toS }: TimeScale): string {
  return percent(Math.min(1, Math.max(0, (atS - fromS) / (toS - fromS))))
}

/** `left` and `width` of a span. */
export function spanStyle(fromS: number, untilS: number, scale: TimeScale): string {
  const [from, until] = [Math.max(fromS, scale.fromS), Math.min(untilS, scale.toS)]
  const width = Math.max(0, (until - from) / (scale.toS - scale.fromS))
  return `left:${placeOf(from, scale)};width:${percent(width)}`
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`
}

const stepsS = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800]
const ticksMax = 9

export function ticksOf({ fromS, toS }: TimeScale): number[] {
  const stepS = stepsS.find((step) => (toS - fromS) / step <= ticksMax) ?? (toS - fromS) / ticksMax
  const first = Math.ceil(fromS / stepS) * stepS
  const count = Math.floor((toS - first) / stepS) + 1
  return Array.from({ length: Math.max(0, count) }, (_, i) => first + i * stepS)
}

/** Every second tick leaves on a narrow screen. */
export function axis(scale: TimeScale): Content {
  return html`<div class="axis" aria-hidden="true">${ticksOf(scale).map(
    (atS, i) =>
      html`<span class="${i % 2 === 1 ? 'odd' : ''} ${atS > scale.fromS + 0.97 * (scale.toS - scale.fromS) ? 'last' : ''}" style="left:${placeOf(atS, scale)}">${formatClock(atS)}</span>`,
  )}</div>`
}

/** Faint lines at the ticks. */
export function gridLines(scale: TimeScale): Content {
  return ticksOf(scale).map((atS) => html`<i class="grid" style="left:${placeOf(atS, scale)}"></i>`)
}
