/** One drill on one page: the verdict, what happened and why, and the evidence, from the general to the particular. */
import type { DrillEvidence } from '../../drill/drill-evidence.ts'
import type { Accounting, DrillResult, Finding, Interval } from '../../drill/drill-result.ts'
import { formatClock, formatDuration, formatInterval } from '../../expectations/clock-text.ts'
import { faultSpan } from '../../explain/explain-alert.ts'
import type { Drill } from '../../scenario/scenario.ts'
import type { LiveAccount } from '../live-account.ts'
import { durationRange, headline } from './headline.ts'
import { liveSection, speedText } from './live.ts'
import { type Content, html, prose } from './markup.ts'
import { renderPage } from './page.ts'
import { panelsSection } from './panels.ts'
import { livePlatformText, platformMap, platformText } from './platform.ts'
import { logsSection, tracesSection } from './signals.ts'
import { faultSpans, timeline } from './timeline.ts'
import { why } from './why.ts'

export interface DrillPage {
  readonly drill: Drill
  readonly result: DrillResult
  readonly evidence: DrillEvidence
  /** The command that repeats the drill. */
  readonly repeat: string
  /** Of Firedrill. */
  readonly version: string
  /** Of a drill with real processes. */
  readonly live?: LiveAccount | undefined
}

const bytesMax = 1_400_000
/** From the usual picture of a panel down to what surely fits. */
const panelSizes = [
  { seriesMax: 6, pointsMax: 140 },
  { seriesMax: 4, pointsMax: 80 },
  { seriesMax: 2, pointsMax: 60 },
  { seriesMax: 1, pointsMax: 40 },
]

/** @returns the file, below 1.5 MB whatever the number of panels */
export function drillPage(page: DrillPage): string {
  let text = ''
  for (const size of panelSizes) {
    text = render(page, size)
    if (Buffer.byteLength(text) <= bytesMax) break
  }
  return text
}

/** Where the page of a drill stands, seen from the folder of the report. */
export function drillPagePath(name: string): string {
  return `drills/${name.replaceAll('/', '.')}.html`
}

function render(
  { drill, result, evidence, repeat, version, live }: DrillPage,
  panelSize: (typeof panelSizes)[number],
): string {
  const scale = { fromS: 0, toS: drill.lengthMs / 1000 }
  const faults = faultSpans(drill)
  const explained = evidence.alerts.toSorted((a, b) => weightOf(a.alertname, result) - weightOf(b.alertname, result))
  const hasPanels = evidence.panels.length + result.panels.length > 0
  const sections = [
    {
      id: 'timeline',
      title: 'Timeline',
      body: timeline({ drill, result, alerts: explained.slice(0, 4), effects: evidence.effects }),
    },
    { id: 'live', title: 'Live', body: live !== undefined && liveSection(result, live) },
    {
      id: 'why',
      title: 'Why',
      body:
        explained.length > 0 &&
        explained.map((alert) =>
          why({ alert, judged: result.alerts.find(({ alertname }) => alertname === alert.alertname), scale, faults }),
        ),
    },
    {
      id: 'panels',
      title: 'Dashboards',
      body:
        hasPanels &&
        panelsSection({
          evidence: evidence.panels,
          results: result.panels,
          scale,
          faults,
          span: faultSpan(drill),
          ...panelSize,
        }),
    },
    { id: 'logs', title: 'Logs', body: logsSection(evidence.logs, result.logs) },
    {
      id: 'traces',
      title: 'Traces',
      body: evidence.traces.length > 0 && tracesSection(evidence.traces, result.traces),
    },
    { id: 'findings', title: 'Findings', body: findings(result.findings) },
    { id: 'checks', title: 'All checks', body: checks(result, live) },
    { id: 'repeat', title: 'Repeat', body: repeatSection(repeat, result, live) },
  ].filter(({ body }) => body !== false)
  return renderPage({
    title: `${result.scenario}: ${result.verdict}`,
    trail: html`<a href="../index.html">All drills</a> <span aria-hidden="true">›</span> ${result.scenario}`,
    parts: sections.map(({ id, title }) => ({ id, title })),
    version,
    body: html`${hero({ drill, result, evidence, live })}${sections.map(
      ({ id, title, body }) => html`<section class="part" id="${id}"><h2>${title}</h2>${body}</section>`,
    )}`,
  })
}

/** Failures first, then what was expected to fire. */
function weightOf(alertname: string, { alerts }: DrillResult): number {
  const alert = alerts.find((one) => one.alertname === alertname)
  if (!alert?.ok) return 0
  return alert.expected === 'fires' ? 1 : alert.expected === 'pending-only' ? 2 : alert.firingAt ? 3 : 4
}

function hero({ drill, result, evidence, live }: Pick<DrillPage, 'drill' | 'result' | 'evidence' | 'live'>): Content {
  const ok = result.exitCode === 0
  return html`<section class="hero">
<div class="said">
<p class="verdict ${ok ? 'good' : 'bad'}"><span aria-hidden="true">${ok ? '✓' : '✗'}</span> ${result.verdict}</p>
<h1>${headline(result, evidence.alerts)}</h1>
<p class="title">${result.title}.</p>
<p class="meta"><span><b>${result.scenario}</b></span><span>${formatDuration(result.virtualSeconds * 1000)} ${live ? `live, ${speedText(live.speed)}` : 'of virtual time'}</span><span>seed ${result.seed}</span><span>Prometheus ${result.judge.version} (${result.judge.kind})</span></p>
${tiles(result)}
</div>
<div class="place">
${platformMap(drill)}
<p>${live ? livePlatformText : platformText}</p>
<p><b>What is broken here:</b> ${brokenText(result)}</p>
</div>
</section>`
}

function brokenText({ events }: DrillResult): Content {
  if (events.length === 0) return 'nothing. This drill shows the platform as it is every day.'
  const texts = events.map(
    ({ description, startS, endS }) =>
      `${description}, from ${formatClock(startS)} ${endS === null ? 'to the end' : `to ${formatClock(endS)}`}`,
  )
  return `${texts.join('; ')}.`
}

/** The few numbers that people ask for first. */
function tiles({ alerts, events, effects }: DrillResult): Content {
  const first =
    alerts.find(({ expected, firingAt }) => expected === 'fires' && firingAt) ?? alerts.find(({ firingAt }) => firingAt)
  const cause = first?.firingAt ? events.filter(({ startS }) => startS <= first.firingAt![0]).at(-1) : undefined
  const shown: { name: string; value: string; note: string }[] = []
  if (first?.firingAt && cause) {
    const { firingAt, window } = first
    shown.push({
      name: 'fault to page',
      value: shortRange(firingAt, cause.startS),
      note: window ? `legal: ${durationRange([window[0] - cause.startS, window[1] - cause.startS])}` : first.alertname,
    })
  }
  if (first?.resolvedAt && cause && cause.endS !== null && first.resolvedAt[0] >= cause.endS) {
    const { resolvedAt } = first
    shown.push({
      name: 'fault over to resolved',
      value: shortRange(resolvedAt, cause.endS),
      note: `at ${formatInterval(resolvedAt)}`,
    })
  }
  const silent = alerts.filter(({ expected }) => expected === 'silent')
  if (silent.length > 0) {
    const quiet = silent.filter(({ ok }) => ok).length
    shown.push({ name: 'stayed quiet', value: `${quiet} of ${silent.length}`, note: 'alerts that must not page here' })
  }
  if (effects.length > 0) {
    const seen = effects.filter(({ ok }) => ok).length
    shown.push({
      name: 'faults with an effect',
      value: `${seen} of ${effects.length}`,
      note: 'seen on the platform itself',
    })
  }
  return html`<dl class="tiles">${shown.map(({ name, value, note }) => html`<div><dt>${name}</dt><dd>${value}</dd><small>${note}</small></div>`)}</dl>`
}

function shortRange([from, to]: Interval, sinceS: number): string {
  return durationRange([from - sinceS, to - sinceS]).replace(' to ', ' – ')
}

function findings(all: readonly Finding[]): Content {
  if (all.length === 0) return false
  return html`<ul class="findings">${all.map(({ code, severity, where, message, evidence }) => html`<li class="${severity}"><span class="level ${severity}">${severity}</span> <b>${message}</b> <code>${code}</code><small>${where}</small><small>${evidence}</small></li>`)}</ul>`
}

function checks({ alerts, effects, steady, notes, accounting }: DrillResult, live: LiveAccount | undefined): Content {
  const mark = (ok: boolean) => html`<span class="${ok ? 'good' : 'bad'}">${ok ? '✓' : '✗'}</span>`
  const told = alerts.filter(
    ({ ok, expected, instances }) => !ok || expected === 'fires' || expected === 'pending-only' || instances.length > 0,
  )
  const quiet = alerts.filter((alert) => !told.includes(alert))
  // A real Prometheus keeps its own account of samples.
  const signals = live ? (['logs', 'traces'] as const) : (['metrics', 'logs', 'traces'] as const)
  return html`<details open><summary><b>Alerts</b> <span class="dim">${alerts.length}</span></summary><div class="scroll"><table><thead><tr><th></th><th>alert</th><th>expected</th><th>what happened</th></tr></thead><tbody>${told
    .toSorted((a, b) => Number(a.ok) - Number(b.ok))
    .map(
      ({ ok, alertname, expected, detail, why: reasons }) =>
        html`<tr><td>${mark(ok)}</td><td>${alertname}</td><td>${expected}</td><td>${detail}${reasons?.map((reason) => html`<small>${prose(reason)}</small>`)}</td></tr>`,
    )}${
    quiet.length > 0 &&
    html`<tr><td>${mark(true)}</td><td colspan="3">never pending: ${quiet.map(({ alertname, expected }) => (expected === 'silent' ? alertname : `${alertname} (${expected})`)).join(', ')}</td></tr>`
  }</tbody></table></div></details>
<details open><summary><b>Faults and steady state</b></summary><ul class="checks">${steady && html`<li>${mark(steady.ok)} steady state: ${steady.detail}</li>`}${effects.map(
    ({ ok, event, fault, detail }) => html`<li>${mark(ok)} ${event} <code>${fault}</code>: ${detail}</li>`,
  )}${notes.map((note) => html`<li class="dim">– ${note}</li>`)}</ul></details>
<details open><summary><b>Accounting</b> <span class="dim">generated = delivered + dropped + queued</span></summary><div class="scroll"><table><thead><tr><th>signal</th><th class="n">generated</th><th class="n">delivered</th><th class="n">dropped</th><th class="n">queued</th><th>why dropped</th></tr></thead><tbody>${signals.map((signal) => accountRow(signal, accounting[signal]))}</tbody></table></div></details>`
}

function accountRow(signal: string, { generated, delivered, dropped, queued }: Accounting): Content {
  const count = (value: number) => value.toLocaleString('en')
  const sum = Object.values(dropped).reduce((total, one) => total + one, 0)
  const reasons = Object.entries(dropped).map(([reason, n]) => `${reason}: ${count(n)}`)
  return html`<tr><td>${signal}</td><td class="n">${count(generated)}</td><td class="n">${count(delivered)}</td><td class="n">${count(sum)}</td><td class="n">${count(queued)}</td><td>${reasons.join(', ')}</td></tr>`
}

function repeatSection(
  repeat: string,
  { streamHash, scenario, seed, alerts }: DrillResult,
  live: LiveAccount | undefined,
): Content {
  const asked = alerts.find(({ ok }) => !ok) ?? alerts.find(({ expected }) => expected === 'fires')
  if (live) {
    return html`<p>Real processes do nothing twice in just the same way; the verdict should be the same. The virtual world repeats the drill to the byte.</p>
${command(repeat)}${command(`firedrill run ${scenario} --seed ${seed}`)}`
  }
  return html`<p>The same seed gives the same samples, log lines and spans (stream <code>${streamHash}</code>), and so the same page.</p>
${command(repeat)}${asked && command(`firedrill explain ${scenario} ${asked.alertname}`)}`
}

export function command(text: string): Content {
  return html`<div class="command"><code>${text}</code><button type="button" class="copy" hidden>copy</button></div>`
}
