/** Why an alert fired, or why it did not: the answer, the way to it, and every part of the expression over time. */
import type { AlertDelay, AlertEvidence, ExplanationStep, OperandEvidence } from '../../drill/drill-evidence.ts'
import type { AlertInstance, AlertResult } from '../../drill/drill-result.ts'
import { formatClock, formatDuration, formatInterval } from '../../expectations/clock-text.ts'
import { formatValue } from '../../explain/units.ts'
import { durationRange, joined } from './headline.ts'
import { type Content, html, prose } from './markup.ts'
import type { TimeScale } from './scale.ts'
import { signalPlot } from './timeline.ts'

export interface Why {
  readonly alert: AlertEvidence
  readonly judged: AlertResult | undefined
  readonly scale: TimeScale
  readonly faults: readonly { fromS: number; toS: number }[]
}

export function why({ alert, judged, scale, faults }: Why): Content {
  const { alertname, question, answer, steps, delay, operands, expression, place, group, intervalS, forS } = alert
  const ok = judged?.ok ?? true
  const waits = forS > 0 ? `for ${formatDuration(forS * 1000)}` : 'no wait'
  return html`<article class="card why ${ok ? '' : 'failed'}" id="why-${alertname}">
<header><h3><span class="${ok ? 'good' : 'bad'}">${ok ? '✓' : '✗'}</span> ${alertname}</h3><span class="dim">${group}, every ${formatDuration(intervalS * 1000)}, ${waits} · ${place}</span></header>
<p class="question">${question}</p>
<p class="answer">${prose(answer)}</p>
${delay && delayBar(delay)}
<div class="columns">
<ol class="steps">${steps.map(step)}</ol>
<div>${pageText(judged, alert)}
<h4>The rule</h4><pre class="rule"><code>${expression.trimEnd()}</code></pre></div>
</div>
<h4>The expression, part by part</h4>
<div class="operands sync">${operands.map((operand) => operandRow(operand, scale, faults))}</div>
</article>`
}

/** Where the time between the fault and the page went. */
function delayBar({ signalS, intervalS, forS, faultAtS, event }: AlertDelay): Content {
  const parts = [
    { kind: 'signal', s: signalS, name: 'the fault shows in the signal', text: formatDuration(signalS * 1000) },
    { kind: 'interval', s: intervalS[1], name: 'wait for an evaluation', text: `${durationRange(intervalS)}` },
    { kind: 'for', s: forS, name: '"for"', text: formatDuration(forS * 1000) },
  ].filter(({ s }) => s > 0)
  const total = parts.reduce((sum, { s }) => sum + s, 0)
  if (total <= 0) return false
  const reach = durationRange([signalS + forS + intervalS[0], signalS + forS + intervalS[1]])
  return html`<figure class="delay"><figcaption>From the fault (${event}, ${formatClock(faultAtS)}) to the page: <b>${reach}</b></figcaption>
<div class="bar-parts" role="img" aria-label="${parts.map(({ name, text }) => `${name}: ${text}`).join(', ')}">${parts.map(
    ({ kind, s }) => html`<i class="${kind}" style="flex-grow:${Math.max(1, Math.round((1000 * s) / total))}"></i>`,
  )}</div>
<p class="legend">${parts.map(({ kind, name, text }) => html`<span><i class="key ${kind}"></i>${name}: <b>${text}</b></span>`)}</p></figure>`
}

function step({ atS, title, text }: ExplanationStep): Content {
  return html`<li><span class="when">${atS ? formatInterval(atS) : ''}</span><div><b>${title}</b><p>${prose(text)}</p></div></li>`
}

/** What the person on call sees. */
function pageText(judged: AlertResult | undefined, { labels: told }: AlertEvidence): Content {
  const firing = judged?.instances.filter(({ episodes }) => episodes.some(({ firingAt }) => firingAt !== null)) ?? []
  const instance = firing.find((one) => isSame(one.labels, told)) ?? firing[0]
  if (!instance) return false
  const { labels, annotations } = instance
  const { summary, description, ...links } = annotations
  const chips = Object.entries(labels).filter(([name]) => name !== 'alertname' && name !== 'severity')
  return html`<h4>The page, as the person on call reads it</h4>
<aside class="pager ${severityOf(labels.severity)}"><header><b>FIRING</b> ${labels.alertname}<span class="severity">${labels.severity ?? ''}</span></header>
<p class="summary">${summary ?? '(no summary)'}</p>
${description && html`<p>${description}</p>`}
<p class="chips">${chips.map(([name, value]) => html`<code>${name}="${value}"</code> `)}</p>
${Object.entries(links).map(([name, text]) => html`<p class="link"><span>${name}</span> ${text}</p>`)}
${toldText(instance)}
${judged?.text === 'incomplete' && html`<p class="bad">✗ ${judged.detail}</p>`}</aside>`
}

/** Whom Alertmanager tells; false without an alertmanager.yml. */
function toldText({ receivers, inhibitedBy = [] }: AlertInstance): Content {
  if (!receivers) return false
  const silenced = inhibitedBy.length > 0 && html` Silenced while <b>${inhibitedBy.join(', ')}</b> fires.`
  return html`<p class="told"><span>goes to</span> ${html`<b>${joined(receivers) || 'nobody'}</b>.`}${silenced}</p>`
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.keys({ ...a, ...b }).every((name) => a[name] === b[name])
}

function severityOf(severity: string | undefined): string {
  return severity === 'critical' || severity === 'info' ? severity : 'warning'
}

function operandRow(
  operand: OperandEvidence,
  scale: TimeScale,
  faults: readonly { fromS: number; toS: number }[],
): Content {
  const {
    depth,
    role,
    text,
    unit,
    decided,
    before,
    during,
    after,
    closest,
    operator,
    threshold,
    trueAt,
    series,
    seriesCount,
    note,
  } = operand
  const value = (given: number | null) => (given === null ? '–' : formatValue(given, unit))
  const head = html`<code>${text}</code>${decided && html` <span class="tag">decided</span>`}`
  if (role === 'condition') {
    const when = trueAt.length > 0 ? html`true ${trueAt.map(formatInterval).join(', ')}` : 'never true'
    return html`<div class="operand condition d${Math.min(depth, 5)}"><div class="label">${head}<small>${when}</small></div></div>`
  }
  const closestText =
    closest &&
    operator !== null &&
    html`<small>closest to ${operator} ${formatValue(threshold ?? closest.threshold, unit)}: <b>${formatValue(closest.value, unit)}</b> at ${formatClock(closest.atS)}</small>`
  const others = seriesCount > 1 && html`<small>${series[0]?.name ?? ''}${` and ${seriesCount - 1} more`}</small>`
  return html`<div class="operand ${decided ? 'decided' : ''} d${Math.min(depth, 5)}"><div class="label">${head}${closestText}${others}${note !== '' && html`<small class="bad">${note}</small>`}
<dl><div><dt>before</dt><dd>${value(before)}</dd></div><div><dt>during</dt><dd>${value(during)}</dd></div><div><dt>after</dt><dd>${value(after)}</dd></div></dl></div>
${signalPlot(operand, scale, faults, 'small')}</div>`
}
