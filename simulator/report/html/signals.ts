/** Logs and traces around a fault: which lines became more, the first of them, and requests as waterfalls. */
import type { LogEvidence, LogKind, LogLine, TraceEvidence, TraceSpan } from '../../drill/drill-evidence.ts'
import type { ExpectationResult } from '../../drill/drill-result.ts'
import { formatClock } from '../../expectations/clock-text.ts'
import { plainNumber } from '../../explain/units.ts'
import { type Content, html } from './markup.ts'
import { percent } from './scale.ts'

export function logsSection({ kinds, lines }: LogEvidence, expected: readonly ExpectationResult[]): Content {
  return html`${expectations(expected)}${
    kinds.length > 0 &&
    html`<div class="scroll"><table class="kinds"><thead><tr><th>lines that became more or fewer</th><th>service</th><th class="n">before</th><th class="n">during</th><th class="n">after</th></tr></thead><tbody>${kinds.map(kindRow)}</tbody></table></div><p class="dim">Lines a minute, before, during and after the faults.</p>`
  }${lines.length > 0 ? html`<h4>The first telling lines</h4><ol class="log">${lines.map(logLine)}</ol>` : html`<p class="dim">No warning or error was logged during the faults.</p>`}`
}

export function tracesSection(traces: readonly TraceEvidence[], expected: readonly ExpectationResult[]): Content {
  const widest = Math.max(...traces.map(({ durationMs }) => durationMs))
  return html`${expectations(expected)}${traces.map((trace, i) => waterfall(trace, widest, i))}`
}

function expectations(expected: readonly ExpectationResult[]): Content {
  if (expected.length === 0) return false
  return html`<ul class="checks">${expected.map(({ ok, what, detail }) => html`<li><span class="${ok ? 'good' : 'bad'}">${ok ? '✓' : '✗'}</span> ${what}: <b>${detail}</b></li>`)}</ul>`
}

function kindRow({ service, event, level, before, during, after }: LogKind): Content {
  const rate = (value: number) => (value === 0 ? '0' : plainNumber(value))
  return html`<tr><td><span class="level ${level.toLowerCase()}">${level}</span> <code>${event === '' ? '(no event)' : event}</code></td><td>${service}</td><td class="n">${rate(before)}</td><td class="n"><b>${rate(during)}</b></td><td class="n">${rate(after)}</td></tr>`
}

function logLine({ atS, level, service, event, message, fields, traceId }: LogLine): Content {
  return html`<li><span class="when">${formatClock(atS)}</span><span class="level ${level.toLowerCase()}">${level}</span><span>${service} <b>${event}</b> ${message}<small>${fields.map(([name, value]) => html`<code>${name}=${value}</code> `)}${traceId !== '' && html`<code>trace_id=${traceId}</code>`}</small></span></li>`
}

/** All traces share one scale, so that slow looks slow. */
function waterfall(
  { what, traceId, atS, durationMs, spans, more }: TraceEvidence,
  widestMs: number,
  position: number,
): Content {
  return html`<details class="trace" ${position < 2 ? html`open` : ''}><summary><b>${what}</b> <span class="dim">${formatClock(atS)} · ${spans.length + more} spans · <code>${traceId}</code></span> <b class="n">${milliseconds(durationMs)}</b></summary>
<div class="spans">${spans.map((span) => spanRow(span, widestMs))}</div>${more > 0 && html`<p class="dim">${more} more spans.</p>`}</details>`
}

function spanRow({ service, name, durationMs, depth, startMs, failed, note }: TraceSpan, widestMs: number): Content {
  const bar = `left:${percent(startMs / widestMs)};width:${percent(durationMs / widestMs)}`
  return html`<div class="span ${failed ? 'failed' : ''}"><div class="label" style="padding-left:${Math.min(depth, 8) * 10}px"><b>${service}</b> ${name}${note !== '' && html` <small class="${failed ? 'bad' : 'dim'}">${failed && '✗ '}${note}</small>`}</div><div class="track"><i class="${service}" style="${bar}"></i></div><span class="n">${milliseconds(durationMs)}</span></div>`
}

function milliseconds(ms: number): string {
  return ms >= 1000 ? `${plainNumber(ms / 1000)} s` : `${plainNumber(ms)} ms`
}
