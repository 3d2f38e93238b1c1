/** A whole run on one page: failures first, every drill with its course at a glance, and what the rules have proven. */

import { countOf } from '../../count-text.ts'
import type { DrillResult } from '../../drill/drill-result.ts'
import { formatDuration } from '../../expectations/clock-text.ts'
import type { RunFinding, RunFindings } from '../../findings/look-for-findings.ts'
import type { PanelCoverage, RuleCoverage } from '../coverage.ts'
import { command, drillPagePath } from './drill-page.ts'
import { headline, joined } from './headline.ts'
import { type Content, html, prose } from './markup.ts'
import { renderPage } from './page.ts'
import { spanStyle } from './scale.ts'

export interface RunPage {
  readonly results: readonly DrillResult[]
  readonly coverage: readonly RuleCoverage[]
  readonly panels: readonly PanelCoverage[]
  readonly noticed: Pick<RunFindings, 'findings' | 'ignored'>
  readonly exitCode: number
  readonly version: string
  /** Whether the drill has a page of its own: one that broke off, or ran elsewhere, has none. */
  readonly hasPage: (result: DrillResult) => boolean
  /** The command that repeats a drill. */
  readonly repeat: (result: DrillResult) => string
}

export function runPage({ results, coverage, panels, noticed, exitCode, version, hasPage, repeat }: RunPage): string {
  const failed = results.filter((result) => result.exitCode !== 0)
  const drilled = coverage.filter(({ scenarios }) => scenarios.length > 0)
  const linkTo: LinkTo = (result, text) =>
    hasPage(result) ? html`<a href="${drillPagePath(result.scenario)}">${text}</a>` : text
  const sections = [
    {
      id: 'failed',
      title: 'What failed',
      body: failed.length > 0 && failed.map((result) => failureCard(result, linkTo, repeat(result))),
    },
    { id: 'drills', title: 'Drills', body: drillTable(results, linkTo) },
    {
      id: 'rules',
      title: 'Rules',
      body: drilled.length > 0 && coverageMatrix(drilled, coverage.length - drilled.length),
    },
    { id: 'panels', title: 'Dashboards', body: panels.some(({ judged }) => judged) && panelCoverage(panels) },
    { id: 'findings', title: 'Findings', body: noticed.findings.length > 0 && findings(noticed) },
  ].filter(({ body }) => body !== false)
  return renderPage({
    title: `Firedrill: ${failed.length === 0 ? 'all held' : `${failed.length} of ${results.length} failed`}`,
    trail: 'All drills',
    parts: sections.map(({ id, title }) => ({ id, title })),
    version,
    body: html`<section class="hero run"><div class="said">
<p class="verdict ${failed.length === 0 ? 'good' : 'bad'}"><span aria-hidden="true">${failed.length === 0 ? '✓' : '✗'}</span> ${failed.length === 0 ? 'held' : 'failed'}</p>
<h1>${runHeadline(results, failed, drilled)}</h1>
<p class="meta"><span>${results.length} drills</span><span>${formatDuration(results.reduce((sum, { virtualSeconds }) => sum + virtualSeconds, 0) * 1000)} of virtual time</span><span>exit code ${exitCode}</span>${results[0] && html`<span>Prometheus ${results[0].judge.version} (${results[0].judge.kind})</span>`}</p>
</div></section>${sections.map(({ id, title, body }) => html`<section class="part" id="${id}"><h2>${title}</h2>${body}</section>`)}`,
  })
}

function runHeadline(
  results: readonly DrillResult[],
  failed: readonly DrillResult[],
  drilled: readonly RuleCoverage[],
): string {
  if (results.length === 1) return headline(results[0]!, [])
  const proven = drilled.filter(({ proven: isProven }) => isProven).length
  const share = proven === drilled.length ? `All ${proven}` : `${proven} of ${drilled.length}`
  const one = drilled.length === 1 ? ` The one rule drilled is ${proven === 1 ? '' : 'not '}proven` : ''
  const rules = drilled.length > 1 ? ` ${share} drilled rules are proven` : one
  if (failed.length === 0) {
    const means =
      rules === '' ? '' : `${rules}: paging in time, quiet below the threshold, resolving, with a complete text.`
    return `All ${results.length} drills held.${means}`
  }
  const names = failed.slice(0, namesShown).map(({ scenario }) => scenario)
  const more = failed.length > namesShown ? [`${failed.length - namesShown} more`] : []
  return `${failed.length} of ${results.length} drills failed: ${joined([...names, ...more])}.${rules}${rules && '.'}`
}

const namesShown = 3

function failureCard(result: DrillResult, linkTo: LinkTo, repeat: string): Content {
  const { verdict, alerts, effects, steady, logs, traces, panels, notes, exitCode } = result
  const reasons = [
    ...(steady && !steady.ok ? [`steady state: ${steady.detail}`] : []),
    ...effects.filter(({ ok }) => !ok).map(({ event, detail }) => `${event} had no effect: ${detail}`),
    ...alerts
      .filter(({ ok }) => !ok)
      .flatMap(({ alertname, detail, why }) => [`${alertname}: ${detail}`, ...(why ?? [])]),
    ...panels.filter(({ ok }) => !ok).map(({ dashboard, panel, detail }) => `${dashboard}, ${panel}: ${detail}`),
    ...[...logs, ...traces].filter(({ ok }) => !ok).map(({ what, detail }) => `${what}: ${detail}`),
    ...(result.streamHash === '' ? notes : []),
  ]
  return html`<article class="card failed"><header><h3><span class="bad">✗</span> ${linkTo(result, result.scenario)}</h3><span class="dim">${verdict}, exit code ${exitCode}</span></header>
<ul class="checks">${reasons.map((reason) => html`<li>${prose(reason)}</li>`)}</ul>${command(repeat)}</article>`
}

type LinkTo = (result: DrillResult, text: string) => Content

function drillTable(results: readonly DrillResult[], linkTo: LinkTo): Content {
  const groups = new Map<string, DrillResult[]>()
  for (const result of results) {
    const base = result.scenario.split('/')[0]!
    groups.set(base, [...(groups.get(base) ?? []), result])
  }
  const ordered = [...groups].sort(([, a], [, b]) => Number(hasFailed(b)) - Number(hasFailed(a)))
  return html`<div class="drills ${ordered.length < 3 ? 'few' : ''}">${ordered.map(([base, own]) => html`<section class="scenario"><h3>${base}</h3><p class="dim">${own[0]!.title}</p>${own.map((result) => drillRow(result, linkTo))}</section>`)}</div>
<p class="legend"><span><i class="key fault"></i>fault in force</span><span><i class="key pending"></i>pending</span><span><i class="key firing"></i>firing</span><span><i class="key legal"></i>legal window</span></p>`
}

function hasFailed(results: readonly DrillResult[]): boolean {
  return results.some(({ exitCode }) => exitCode !== 0)
}

function drillRow(result: DrillResult, linkTo: LinkTo): Content {
  const { scenario, exitCode, virtualSeconds, verdict } = result
  const ok = exitCode === 0
  const name = scenario.includes('/') ? scenario.slice(scenario.indexOf('/') + 1) : 'the scenario itself'
  const label = html`<span class="${ok ? 'good' : 'bad'}">${ok ? '✓' : '✗'}</span> ${linkTo(result, name)}`
  return html`<div class="drill"><span class="name">${label}</span>${course(result)}<span class="result">${ok ? outcomeText(result) : html`<b class="bad">${verdict}</b>`} <span class="dim">${formatDuration(virtualSeconds * 1000)}</span></span></div>`
}

function outcomeText({ alerts }: DrillResult): Content {
  const fired = alerts.filter(({ expected, firingAt }) => expected === 'fires' && firingAt)
  if (fired.length > 0) {
    const told = [...new Set(fired.flatMap(({ instances }) => instances.flatMap(({ receivers }) => receivers ?? [])))]
    const names = told.length > 0 && html` <span class="dim">${joined(told)}</span>`
    return html`${fired.map(({ alertname }) => html`<b>${alertname}</b> `)}pages${names}`
  }
  const pending = alerts.filter(({ expected }) => expected === 'pending-only')
  return pending.length > 0
    ? html`<b>${pending.map(({ alertname }) => alertname).join(', ')}</b> pending only`
    : 'quiet'
}

/** The drill as one strip: faults behind, the states of its alerts before them. */
function course({ events, alerts, virtualSeconds }: DrillResult): Content {
  const scale = { fromS: 0, toS: virtualSeconds }
  const shown = alerts.filter(({ expected, ok }) => expected !== 'may' || !ok)
  return html`<div class="track" role="img" aria-label="course of the drill">${events.map(({ startS, endS }) => html`<i class="fault" style="${spanStyle(startS, endS ?? virtualSeconds, scale)}"></i>`)}${shown.map(
    ({ window }) => window && html`<i class="legal" style="${spanStyle(window[0], window[1], scale)}"></i>`,
  )}<i class="base"></i>${shown.flatMap(({ instances }) =>
    instances.flatMap(({ episodes }) =>
      episodes.map(({ pendingAt, firingAt, resolvedAt }) => {
        const end = resolvedAt?.[1] ?? virtualSeconds
        return [
          html`<i class="state pending" style="${spanStyle(pendingAt[0], firingAt?.[0] ?? end, scale)}"></i>`,
          firingAt && html`<i class="state firing" style="${spanStyle(firingAt[0], end, scale)}"></i>`,
        ]
      }),
    ),
  )}</div>`
}

function coverageMatrix(drilled: readonly RuleCoverage[], left: number): Content {
  const columns = [
    ['fires', 'pages in its window'],
    ['nearMissSilent', 'near miss stays quiet'],
    ['silentWithoutFault', 'quiet without the fault'],
    ['recovers', 'resolves'],
    ['textComplete', 'text complete'],
  ] as const
  return html`<div class="scroll"><table class="matrix"><thead><tr><th>rule</th>${columns.map(([, title]) => html`<th>${title}</th>`)}<th>proven by</th></tr></thead><tbody>${drilled
    .toSorted((a, b) => Number(a.proven) - Number(b.proven))
    .map(
      (rule) =>
        html`<tr><th scope="row">${rule.alertname}</th>${columns.map(([key, title]) => html`<td class="${rule[key] ? 'good' : 'bad'}"><span aria-label="${title}: ${rule[key] ? 'yes' : 'no'}">${rule[key] ? '✓' : '✗'}</span></td>`)}<td>${rule.proven ? rule.scenarios.join(', ') : html`<span class="bad">${rule.missing.join('; ')}</span>`}</td></tr>`,
    )}</tbody></table></div>${left > 0 && html`<p class="dim">${left} more ${left === 1 ? 'rule is' : 'rules are'} not drilled in this run.</p>`}`
}

/** One line for each dashboard; what its panels lack is folded. */
function panelCoverage(panels: readonly PanelCoverage[]): Content {
  const dashboards = [...new Set(panels.map(({ dashboard }) => dashboard))]
  return html`<div class="scroll"><table><thead><tr><th>dashboard</th><th class="n">panels</th><th class="n">with data</th><th class="n">moving</th><th>not seen in this run</th></tr></thead><tbody>${dashboards.map(
    (dashboard) => {
      const own = panels.filter((panel) => panel.dashboard === dashboard && panel.judged)
      const missing = own.filter(({ proven }) => !proven)
      const count = (holds: (panel: PanelCoverage) => boolean) => own.filter(holds).length
      return html`<tr><th scope="row">${dashboard}</th><td class="n">${own.length}</td><td class="n">${count(({ hasData }) => hasData)}</td><td class="n">${count(({ moves }) => moves)}</td><td>${
        missing.length > 0 &&
        html`<details><summary>${countOf(missing.length, 'panel')}</summary>${missing.map((panel) => html`<small>${panel.panel}: ${panel.missing.join(', ')}</small>`)}</details>`
      }</td></tr>`
    },
  )}</tbody></table></div>`
}

function findings({ findings: found, ignored }: RunPage['noticed']): Content {
  const shown = found.filter(({ severity }) => severity !== 'info')
  const minor = found.filter(({ severity }) => severity === 'info')
  return html`<ul class="findings">${shown.map(findingItem)}</ul>${
    minor.length > 0 &&
    html`<details><summary>${minor.length} more that are only good to know</summary><ul class="findings">${minor.map(findingItem)}</ul></details>`
  }${ignored.length > 0 && html`<p class="dim">${ignored.length} ignored with a reason in firedrill.yaml.</p>`}`
}

function findingItem({ code, severity, where, message, evidence, drills }: RunFinding): Content {
  const more = drills.length > 4 && ` and ${drills.length - 4} more drills`
  return html`<li class="${severity}"><span class="level ${severity}">${severity}</span> <b>${message}</b> <code>${code}</code><small>${where}</small><small>${evidence}</small>${
    drills.length > 0 && html`<small>in ${drills.slice(0, 4).join(', ')}${more}</small>`
  }</li>`
}
