/** The whole drill under one axis of time: what was broken, the signals that matter, and the state of each alert. */
import type { AlertEvidence, EffectEvidence, OperandEvidence } from '../../drill/drill-evidence.ts'
import type { AlertEpisode, AlertInstance, AlertResult, DrillResult } from '../../drill/drill-result.ts'
import { formatClock, formatInterval } from '../../expectations/clock-text.ts'
import { labelText } from '../../explain/explain-alert.ts'
import type { Drill, DrillEvent } from '../../scenario/scenario.ts'
import { type Content, html } from './markup.ts'
import { plot } from './plot.ts'
import { axis, gridLines, placeOf, spanStyle, type TimeScale } from './scale.ts'

export interface Timeline {
  readonly drill: Drill
  readonly result: DrillResult
  readonly alerts: readonly AlertEvidence[]
  readonly effects: readonly EffectEvidence[]
}

const signalsShown = 6
const effectsShown = 3
const instancesShown = 4

export function timeline({ drill, result, alerts, effects }: Timeline): Content {
  const scale = { fromS: 0, toS: drill.lengthMs / 1000 }
  const faults = faultSpans(drill)
  const shown = result.alerts.filter(isWorthALane)
  const quiet = result.alerts.filter((alert) => !isWorthALane(alert))
  const signals = alerts.flatMap((alert) =>
    alert.operands
      .filter(({ role, series }) => role === 'signal' && series.length > 0)
      .map((operand) => ({ alert, operand })),
  )
  return html`<div class="timeline sync">
${row('', axis(scale), 'head')}
${
  drill.events.length + drill.observe.length > 0 &&
  html`<h3>What is broken</h3>${drill.events.map((event) => row(faultLabel(event, result), faultTrack(event, scale)))}${drill.observe.map(
    ({ job, startMs, endMs }) =>
      row(
        html`<b>scrape gap</b><small>Prometheus does not scrape ${job ?? 'anything'}</small>`,
        html`<div class="track">${gridLines(scale)}<i class="gap" style="${spanStyle(startMs / 1000, endMs / 1000, scale)}"></i></div>`,
      ),
  )}`
}
${
  effects.length > 0 &&
  html`<h3>What that changes on the platform</h3>${effects
    .filter(({ values }) => values.length > 1)
    .slice(0, effectsShown)
    .map(({ event, what, timesS, values }) =>
      row(
        html`<b>${what}</b><small>read from the platform itself (${event})</small>`,
        plot({
          series: [{ name: what, timesS, values }],
          scale,
          unit: 'none',
          title: what,
          faults,
          pointsMax: 240,
          size: 'small',
        }),
      ),
    )}`
}
${
  signals.length > 0 &&
  html`<h3>What the alerts look at</h3>${signals
    .slice(0, signalsShown)
    .map(({ alert, operand }) => row(signalLabel(alert, operand), signalPlot(operand, scale, faults)))}`
}
${shown.length > 0 && html`<h3>What the alerts do</h3>${shown.map((alert) => lanes(alert, scale, faults))}`}
${row('', axis(scale), 'head')}
</div>
${legend()}
${
  quiet.length > 0 &&
  html`<p class="quiet"><b>${quiet.length} more ${quiet.length === 1 ? 'alert' : 'alerts'} inactive all the time:</b> ${quiet.map(({ alertname }) => alertname).join(', ')}.</p>`
}`
}

/** For charts that stand alone. */
export function signalPlot(
  operand: OperandEvidence,
  scale: TimeScale,
  faults: readonly { fromS: number; toS: number }[],
  size: 'tall' | 'small' = 'tall',
): Content {
  const { series, unit, text, operator, threshold, closest, decided } = operand
  return plot({
    series,
    scale,
    unit,
    title: text,
    threshold: operator !== null && threshold !== null ? { operator, value: threshold } : undefined,
    faults,
    mark:
      closest && decided
        ? { atS: closest.atS, value: closest.value, text: 'closest to the threshold, or furthest past it' }
        : undefined,
    pointsMax: size === 'tall' ? 360 : 160,
    size,
  })
}

export function faultSpans(drill: Pick<Drill, 'events' | 'lengthMs'>): { fromS: number; toS: number }[] {
  return drill.events.map(({ startMs, endMs }) => ({
    fromS: startMs / 1000,
    toS: Math.min(endMs, drill.lengthMs) / 1000,
  }))
}

function row(label: Content, track: Content, kind = ''): Content {
  return html`<div class="row ${kind}"><div class="label">${label}</div><div>${track}</div></div>`
}

function faultLabel(event: DrillEvent, { events }: DrillResult): Content {
  const description = events.find(({ id }) => id === event.id)?.description ?? event.fault
  return html`<b>${event.id}</b> <code>${event.fault}</code><small>${description}</small>`
}

/** A ramp rises as the fault grows. */
function faultTrack({ startMs, endMs, severity, ends }: DrillEvent, scale: TimeScale): Content {
  const [fromS, toS] = [startMs / 1000, Math.min(endMs / 1000, scale.toS)]
  const rampShare = severity.overMs > 0 ? Math.min(1, severity.overMs / 1000 / Math.max(0.001, toS - fromS)) : 0
  const height = (strength: number) => Math.round(100 - 100 * Math.min(1, Math.max(0.06, strength)))
  const x = Math.round(rampShare * 1000)
  const shape = `M0 100V${height(rampShare > 0 ? severity.from : severity.to)}L${x} ${height(severity.to)}H1000V100z`
  return html`<div class="track fault-track">${gridLines(scale)}<svg class="ramp" style="${spanStyle(fromS, toS, scale)}" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="from ${formatClock(fromS)} ${ends ? `to ${formatClock(toS)}` : 'to the end'}"><path d="${shape}"/></svg><span class="at" style="left:${placeOf(fromS, scale)}">${formatClock(fromS)}</span>${
    ends && html`<span class="at end" style="left:${placeOf(toS, scale)}">${formatClock(toS)}</span>`
  }</div>`
}

function signalLabel({ alertname }: AlertEvidence, { text, series, seriesCount }: OperandEvidence): Content {
  const more = seriesCount > series.length ? `, ${series.length} of ${seriesCount} drawn` : ''
  return html`<code class="clamp" title="${text}">${text}</code><small class="clamp">of ${alertname}; the thick line is ${series[0]!.name === '{}' ? 'all together' : series[0]!.name}${more}</small>`
}

function isWorthALane({ ok, expected, instances }: AlertResult): boolean {
  return !ok || expected === 'fires' || expected === 'pending-only' || instances.length > 0
}

function lanes(alert: AlertResult, scale: TimeScale, faults: readonly { fromS: number; toS: number }[]): Content {
  const { alertname, ok, expected, detail, instances, window, resolvedWindow } = alert
  const label = html`<b class="${ok ? 'good' : 'bad'}">${ok ? '✓' : '✗'} ${alertname}</b><small>${expected === 'fires' ? 'expected to fire' : `expected: ${expected}`}</small>`
  const windows = html`${faults.map(({ fromS, toS }) => html`<i class="fault" style="${spanStyle(fromS, toS, scale)}"></i>`)}${gridLines(scale)}${
    window &&
    html`<i class="legal" style="${spanStyle(window[0], window[1], scale)}" title="legal window of the first firing: ${formatInterval(window)}"></i>`
  }${
    resolvedWindow &&
    html`<i class="legal resolved" style="${spanStyle(resolvedWindow[0], resolvedWindow[1], scale)}" title="legal window of the end: ${formatInterval(resolvedWindow)}"></i>`
  }`
  const shown = instances.toSorted((a, b) => firstAt(a) - firstAt(b)).slice(0, instancesShown)
  const more = instances.length - shown.length
  const tracks = shown.length === 0 ? [undefined] : shown
  return html`<div class="row lane" data-alert="${alertname}"><div class="label">${label}</div><div>${tracks.map(
    (instance) =>
      html`<div class="track" role="img" aria-label="${alertname}: ${instance ? describeInstance(instance) : 'inactive all the time'}">${windows}<i class="base"></i>${instance?.episodes.map(
        (episode) => segments(episode, scale),
      )}</div>${instance && html`<small class="who">${labelText(instance.labels)}</small>`}`,
  )}<small class="what">${detail}${more > 0 && `; ${more} more instances`}</small></div></div>`
}

function firstAt({ episodes }: AlertInstance): number {
  return Math.min(...episodes.map(({ firingAt, pendingAt }) => (firingAt ? firingAt[0] : pendingAt[0] + 1e9)))
}

function describeInstance({ episodes, labels }: AlertInstance): string {
  const said = episodes.map(
    ({ pendingAt, firingAt, resolvedAt }) =>
      `pending ${formatInterval(pendingAt)}, ${firingAt ? `firing ${formatInterval(firingAt)}` : 'not firing'}, ` +
      `${resolvedAt ? `over ${formatInterval(resolvedAt)}` : 'until the end'}`,
  )
  return `${labelText(labels)} ${said.join('; ')}`
}

/** Solid where every evaluation offset agrees, striped where it depends on the second at which the server evaluates. */
function segments({ pendingAt, firingAt, resolvedAt }: AlertEpisode, scale: TimeScale): Content {
  const end = resolvedAt ?? [scale.toS, scale.toS]
  const piece = (kind: string, fromS: number, toS: number, text: string) =>
    toS > fromS &&
    html`<i class="state ${kind}" style="${spanStyle(fromS, toS, scale)}" title="${text} ${formatInterval([fromS, toS])}"></i>`
  if (!firingAt) {
    return [
      piece('pending maybe', pendingAt[0], Math.min(pendingAt[1], end[0]), 'pending, or not yet'),
      piece('pending', pendingAt[1], end[0], 'pending'),
      piece('pending maybe', Math.max(end[0], pendingAt[0]), end[1], 'pending, or not any more'),
    ]
  }
  return [
    piece('pending maybe', pendingAt[0], Math.min(pendingAt[1], firingAt[0]), 'pending, or not yet'),
    piece('pending', pendingAt[1], firingAt[0], 'pending'),
    piece('firing maybe', firingAt[0], firingAt[1], 'firing, or still pending'),
    piece('firing', firingAt[1], end[0], 'firing'),
    piece('firing maybe', Math.max(end[0], firingAt[1]), end[1], 'firing, or not any more'),
    firingLabel(firingAt[0], pendingAt[0], end[1], scale),
  ]
}

/** Behind the end of the alert, or before its start where there is no room. */
function firingLabel(firingS: number, startS: number, endS: number, scale: TimeScale): Content {
  const hasRoom = endS - scale.fromS < 0.8 * (scale.toS - scale.fromS)
  return html`<span class="at fires ${hasRoom ? '' : 'before'}" style="left:${placeOf(hasRoom ? endS : startS, scale)}">fires ${formatClock(firingS)}</span>`
}

function legend(): Content {
  return html`<p class="legend" aria-label="Legend"><span><i class="key fault"></i>fault in force</span><span><i class="key limit"></i>threshold</span><span><i class="key zone"></i>condition true</span><span><i class="key pending"></i>pending</span><span><i class="key firing"></i>firing</span><span><i class="key maybe"></i>depends on the second at which the server evaluates</span><span><i class="key legal"></i>legal window</span></p>`
}
