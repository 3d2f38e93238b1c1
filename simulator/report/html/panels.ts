/** The panels of the dashboards over the drill: a small chart for each query, and its numbers before, during and after. */
import type { PanelEvidence } from '../../drill/drill-evidence.ts'
import type { Interval, PanelResult } from '../../drill/drill-result.ts'
import { formatValue, type Unit } from '../../explain/units.ts'
import { type Content, html } from './markup.ts'
import { plot } from './plot.ts'
import type { TimeScale } from './scale.ts'

export interface Panels {
  readonly evidence: readonly PanelEvidence[]
  readonly results: readonly PanelResult[]
  readonly scale: TimeScale
  readonly faults: readonly { fromS: number; toS: number }[]
  /** From the first fault to the end of the last. */
  readonly span: Interval
  readonly seriesMax: number
  readonly pointsMax: number
}

export function panelsSection(panels: Panels): Content {
  const { evidence, results } = panels
  const dashboards = [...new Map(evidence.map(({ dashboard, dashboardTitle }) => [dashboard, dashboardTitle]))]
  // What was judged without a picture (an error, a data source of another kind) is told as well.
  const bare = results.filter((result) => !evidence.some((one) => isSame(one, result)))
  const telling = tellingPanels(panels)
  return html`${
    telling.length > 0 &&
    html`<div class="telling"><h4>Where the fault shows most</h4><div class="grid-panels sync">${telling.map((one) => panelCard(one, panels))}</div></div>`
  }${dashboards.map(([uid, title]) => {
    const own = evidence.filter(({ dashboard }) => dashboard === uid)
    const failed = own.filter((one) => results.some((result) => isSame(one, result) && !result.ok)).length
    const moved = own.filter((one) =>
      results.some((result) => isSame(one, result) && (result.moves === 'up' || result.moves === 'down')),
    ).length
    return html`<details class="dashboard" ${failed > 0 ? html`open` : ''}><summary><b>${title}</b> <span class="dim">${own.length} queries, ${moved} move${failed > 0 && html`, <span class="bad">${failed} failed</span>`}</span></summary><div class="grid-panels sync">${own.map((one) => panelCard(one, panels))}</div></details>`
  })}${bare.length > 0 && html`<details><summary><b>Without a picture</b> <span class="dim">${bare.length} queries</span></summary><ul class="checks">${bare.map(({ dashboard, panel, refId, ok, state, detail }) => html`<li><span class="${ok ? 'dim' : 'bad'}">${ok ? '–' : '✗'}</span> ${dashboard}, ${panel} (${refId}): ${state}. ${detail}</li>`)}</ul></details>`}`
}

const tellingShown = 6
/** It shows the faults themselves: that they move proves nothing. */
const ownDashboard = 'firedrill'

/** The panels that move most with the fault, each once. */
function tellingPanels({ evidence, results }: Panels): PanelEvidence[] {
  const moved = results
    .filter(({ dashboard }) => dashboard !== ownDashboard)
    .filter(({ moves, before, during }) => (moves === 'up' || moves === 'down') && before !== null && during !== null)
    .toSorted((a, b) => changeOf(b) - changeOf(a))
  const panels = new Map(moved.map((result) => [`${result.dashboard} ${result.panel}`, result]))
  return [...panels.values()]
    .toSorted((a, b) => changeOf(b) - changeOf(a))
    .slice(0, tellingShown)
    .flatMap((result) => evidence.find((one) => isSame(one, result)) ?? [])
}

function changeOf({ before, during }: PanelResult): number {
  const most = Math.max(Math.abs(before!), Math.abs(during!))
  return most === 0 ? 0 : Math.abs(during! - before!) / most
}

function panelCard(one: PanelEvidence, { results, scale, faults, span, seriesMax, pointsMax }: Panels): Content {
  const result = results.find((candidate) => isSame(one, candidate))
  const unit = unitOf(one.unit)
  const series = one.series
    .map((given) => ({ given, moved: movement(given.values) }))
    .sort((a, b) => b.moved - a.moved)
    .slice(0, seriesMax)
    .map(({ given }) => given)
  const [first] = series
  const [fromS, toS] = span
  const cell = (from: number, to: number) => {
    const value = first && medianWithin(first, from, to)
    return value === undefined ? '–' : formatValue(value, unit)
  }
  const judged = result && result.moves !== null ? result : undefined
  return html`<section class="panel ${result && !result.ok ? 'failed' : ''}"><h5 title="${one.description}">${one.panel}${judged && judged.moves !== 'no' && html` <span class="tag">moves ${judged.moves}</span>`}</h5>
${plot({ series, scale, unit, title: one.panel, threshold: undefined, faults, pointsMax, size: 'small' })}
<dl><div><dt>before</dt><dd>${cell(Math.max(scale.fromS, 2 * fromS - toS), fromS - 0.001)}</dd></div><div><dt>during</dt><dd>${cell(fromS, toS)}</dd></div><div><dt>after</dt><dd>${cell(toS + 0.001, scale.toS)}</dd></div></dl>
<small>${first ? first.name : ''}${one.series.length > 1 && ` and ${one.series.length - 1} more`}</small>${result && !result.ok && html`<small class="bad">✗ ${result.expected ?? ''} ${result.detail}</small>`}
<details class="query"><summary>query</summary><code>${one.expression}</code></details></section>`
}

function isSame(
  a: Pick<PanelResult, 'dashboard' | 'panel' | 'refId'>,
  b: Pick<PanelResult, 'dashboard' | 'panel' | 'refId'>,
): boolean {
  return a.dashboard === b.dashboard && a.panel === b.panel && a.refId === b.refId
}

const units: Readonly<Record<string, Unit>> = {
  percentunit: 'ratio',
  s: 'seconds',
  dtdurations: 'seconds',
  bytes: 'bytes',
  decbytes: 'bytes',
  Bps: 'bytes per second',
  binBps: 'bytes per second',
  reqps: 'per second',
  ops: 'per second',
  cps: 'per second',
  iops: 'per second',
}

function unitOf(grafanaUnit: string): Unit {
  return units[grafanaUnit] ?? 'none'
}

/** How much a series moves, relative to its size: what moves most is drawn first. */
function movement(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return -1
  const [least, most] = [Math.min(...finite), Math.max(...finite)]
  return most === least ? 0 : (most - least) / Math.max(Math.abs(most), Math.abs(least))
}

function medianWithin(
  { timesS, values }: PanelEvidence['series'][number],
  fromS: number,
  toS: number,
): number | undefined {
  const within = values
    .filter((value, i) => timesS[i]! >= fromS && timesS[i]! <= toS && Number.isFinite(value))
    .toSorted((a, b) => a - b)
  return within[within.length >> 1]
}
