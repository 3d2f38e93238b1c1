/** A live run on the page of its drill: what the real Alertmanager sent, and whether the virtual world did the same. */
import type { DrillResult } from '../../drill/drill-result.ts'
import { formatDuration } from '../../expectations/clock-text.ts'
import {
  doubtsByReason,
  type LiveAccount,
  type SentPage,
  sentPages,
  type WorldRow,
  worldRows,
} from '../live-account.ts'
import { type Content, html } from './markup.ts'

export function liveSection(result: DrillResult, account: LiveAccount): Content {
  const { virtual, speed, jitterMs } = account
  const pages = sentPages(account)
  const rows = virtual ? worldRows(result, virtual) : []
  const doubts = [...doubtsByReason(account)]
  return html`<p>Real processes, scraped by a real Prometheus ${result.judge.version} and told of by a real Alertmanager, ${speedText(speed)}. This machine was up to ${jitterMs} ms late, so windows are ${formatDuration(jitterMs * speed)} wider at both ends.${speed > 1 && " Durations of spans and times of samples are the machine's, times the speed."}</p>
<h4>What Alertmanager sent</h4>${pages.length > 0 ? html`<div class="scroll"><table><thead><tr><th>at</th><th></th><th>alert</th><th>text</th></tr></thead><tbody>${pages.map((page) => pageRow(page, speed))}</tbody></table></div>` : html`<p class="dim">Nothing.</p>`}
<h4>Both worlds</h4>${worlds(virtual, rows)}
${doubts.length > 0 && html`<h4>Not confirmed at ${speed}</h4><ul class="checks">${doubts.map(([reason, names]) => html`<li class="dim">– ${names.join(', ')}: ${reason}</li>`)}</ul>`}`
}

/** For example `60 times faster than real time`. */
export function speedText(speed: number): string {
  return speed === 1 ? 'in real time' : `${speed} times faster than real time`
}

function pageRow({ at, status, alertname, labels, annotations, isDoubtful }: SentPage, speed: number): Content {
  const texts = status === 'FIRING' && !isDoubtful ? annotations : []
  return html`<tr><td class="n">${at}</td><td>${status}</td><td><b>${alertname}</b>${labels.map(([name, value]) => html` <code>${name}="${value}"</code>`)}${isDoubtful && html`<small>not confirmed at ${speed}</small>`}</td><td>${texts.map(([name, text]) => html`<small>${name}: ${text}</small>`)}</td></tr>`
}

function worlds(virtual: DrillResult | undefined, rows: readonly WorldRow[]): Content {
  if (!virtual) return html`<p class="dim">Not judged: the virtual world was left out (--no-compare).</p>`
  if (rows.length === 0) return html`<p class="dim">Nothing fires in either.</p>`
  return html`<div class="scroll"><table><thead><tr><th>alert</th><th>fires, virtual</th><th>fires, live</th><th>resolved, virtual</th><th>resolved, live</th></tr></thead><tbody>${rows.map(
    ({ alertname, virtual: there, live: here }) =>
      html`<tr><td>${alertname}</td><td>${there.firing}</td><td>${here.firing}</td><td>${there.resolved}</td><td>${here.resolved}</td></tr>`,
  )}</tbody></table></div>`
}
