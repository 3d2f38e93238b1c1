/** A scorecard on one page: what the rules do, then the mistakes in them that no drill would notice. */
import { formatDuration } from '../../expectations/clock-text.ts'
import { mutationStrength, type RuleScore, type Scorecard, type Survivor } from '../../score/scorecard.ts'
import { strengthText } from '../score-terminal.ts'
import { durationRange } from './headline.ts'
import { type Content, html } from './markup.ts'
import { renderPage } from './page.ts'

export interface ScorePage {
  readonly card: Scorecard
  /** Whether mutants were judged. */
  readonly mutants: boolean
  /** Drills that do not hold: what fails there notices no mutant. */
  readonly failing: readonly { readonly scenario: string; readonly verdict: string }[]
  readonly version: string
}

export function scorePage({ card, mutants, failing, version }: ScorePage): string {
  const listed = (kind: 'equivalent' | 'hidden' | undefined) =>
    card.survivors.filter((survivor) => survivor.listed?.kind === kind)
  const sections = [
    { id: 'rules', title: 'Rules', body: card.rules.length > 0 && ruleTable(card.rules, mutants) },
    { id: 'missed', title: 'Mistakes that no drill notices', body: open(listed(undefined)) },
    { id: 'hidden', title: "Mistakes that this platform can't show", body: reasons(listed('hidden')) },
    { id: 'equivalent', title: 'Mutants that do what the rule does', body: reasons(listed('equivalent')) },
  ].filter(({ body }) => body !== false)
  const title = mutants ? `${(mutationStrength(card.mutants) * 100).toFixed(1)} % of the mutants noticed` : 'Scorecard'
  return renderPage({
    title: `Firedrill: ${title}`,
    trail: 'Scorecard',
    parts: sections.map(({ id, title: name }) => ({ id, title: name })),
    version,
    body: html`<section class="hero run"><div class="said">
<h1>${title}</h1>
<p class="meta">${mutants && html`<span>${strengthText(card.mutants)}</span>`}<span>false alarms over ${formatDuration(card.quietSeconds * 1000)} without any fault</span></p>
${failing.map(({ scenario, verdict }) => html`<p>${scenario} does not hold (${verdict}); its failing alerts notice no mutant.</p>`)}
${card.contradicted.map(({ rule, mutant, noticedBy }) => html`<p>${rule}: ${mutant} is listed as not to be noticed, but ${noticedBy} notices it.</p>`)}
${card.notDrilled.length > 0 && html`<p>No drill expects these to fire: ${card.notDrilled.join(', ')}.</p>`}
</div></section>${sections.map(({ id, title: name, body }) => html`<section class="part" id="${id}"><h2>${name}</h2>${body}</section>`)}`,
  })
}

function ruleTable(rules: readonly RuleScore[], mutants: boolean): Content {
  return html`<div class="scroll"><table>
<thead><tr><th>rule</th><th>fires after</th><th>missed</th><th>false alarms</th><th>flaps</th>${mutants && html`<th>mutants noticed</th>`}</tr></thead>
<tbody>${rules.map((rule) => ruleRow(rule, mutants))}</tbody></table></div>`
}

function ruleRow(
  { rule, detections, missed, falseAlarms, flapping, mutants: count, expected }: RuleScore,
  mutants: boolean,
) {
  const after = detections.flatMap((detection) => detection.after ?? [])
  const fires = after.length === 0 ? 'never' : durationRange([Math.min(...after), Math.max(...after)])
  const flaps = flapping.map(({ drill, firings }) => `${firings}x ${drill}`).join(', ') || '0'
  return html`<tr><td>${rule}</td><td>${fires}</td><td title="${missed.join(', ')}">${missed.length} of ${expected}</td><td title="${falseAlarms.join(', ')}">${falseAlarms.length}</td><td>${flaps}</td>${mutants && html`<td>${strengthText(count)}</td>`}</tr>`
}

function open(survivors: readonly Survivor[]): Content {
  if (survivors.length === 0) return false
  return html`<div class="scroll"><table>
<thead><tr><th>rule</th><th>mutant</th><th>what would catch it</th></tr></thead>
<tbody>${survivors.map(
    ({ rule, place, mutant, expression, wouldCatch }) =>
      html`<tr><td>${rule}<br><small>${place}</small></td><td title="${expression}">${mutant}</td><td>${wouldCatch}</td></tr>`,
  )}</tbody></table></div>`
}

function reasons(survivors: readonly Survivor[]): Content {
  if (survivors.length === 0) return false
  return html`<div class="scroll"><table>
<thead><tr><th>rule</th><th>mutant</th><th>reason</th></tr></thead>
<tbody>${survivors.map(({ rule, mutant, listed }) => html`<tr><td>${rule}</td><td>${mutant}</td><td>${listed!.reason}</td></tr>`)}</tbody></table></div>`
}
