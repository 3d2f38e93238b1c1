/** Coverage of a run in numbers, as tables on the terminal, and as one page of HTML. */
import type { PanelCoverage, RuleCoverage } from './coverage.ts'
import type { Paint } from './terminal.ts'

export interface Coverage {
  readonly rules: readonly RuleCoverage[]
  readonly panels: readonly PanelCoverage[]
}

export interface CoverageShares {
  readonly rules: Share
  readonly panels: Share
  /** Rules that only long drills prove, which did not run; in none of the shares. */
  readonly rulesInLong: number
  /** Panels that stay still, as stated; among the proven. */
  readonly panelsStill: number
  /** Panels that have no judge here; in none of the shares. */
  readonly panelsNotJudged: number
}

/** `percent` is null when there is nothing to cover. */
export interface Share {
  readonly proven: number
  readonly of: number
  readonly percent: number | null
}

export function coverageShares({ rules, panels }: Coverage): CoverageShares {
  const judged = panels.filter((panel) => panel.judged)
  const drilled = rules.filter(({ inLong }) => inLong === undefined)
  return {
    rules: shareOf(drilled),
    panels: shareOf(judged),
    rulesInLong: rules.length - drilled.length,
    panelsStill: judged.filter(({ still }) => still !== undefined).length,
    panelsNotJudged: panels.length - judged.length,
  }
}

function shareOf(all: readonly { readonly proven: boolean }[]): Share {
  const proven = all.filter((one) => one.proven).length
  // Down to one digit: 99.96 must not look like everything.
  const percent = all.length === 0 ? null : Math.floor((proven / all.length) * 1000) / 10
  return { proven, of: all.length, percent }
}

/** @returns whether a share lies below; shares of nothing never do */
export function isBelow({ rules, panels }: CoverageShares, percentLeast: number): boolean {
  return [rules, panels].some(({ percent }) => percent !== null && percent < percentLeast)
}

const ruleColumns = [
  { title: 'fires', of: (rule: RuleCoverage) => rule.fires },
  { title: 'near miss silent', of: (rule: RuleCoverage) => rule.nearMissSilent },
  { title: 'no fault silent', of: (rule: RuleCoverage) => rule.silentWithoutFault },
  { title: 'recovers', of: (rule: RuleCoverage) => rule.recovers },
  { title: 'text', of: (rule: RuleCoverage) => rule.textComplete },
] as const

const panelTitles = ['data', 'moves'] as const

/** @returns lines without a line break */
export function coverageLines(coverage: Coverage, paint: Paint): string[] {
  const { rules, panels } = coverage
  const shares = coverageShares(coverage)
  const ruleRows = rules.map((rule) => ({
    name: rule.alertname,
    cells: ruleCells(rule),
    note: rule.proven ? '' : (rule.inLong ? paint.dim : paint.red)(rule.missing.join('; ')),
  }))
  const panelRows = panels.map((panel) => ({
    name: panelName(panel),
    cells: panelCells(panel),
    note: panel.proven ? paint.dim(movesText(panel)) : paint.red(panel.missing.join('; ')),
  }))
  return [
    ...table('rule', titles(ruleColumns), ruleRows, paint),
    '',
    ...(panels.length > 0 ? [...table('panel', panelTitles, panelRows, paint), ''] : []),
    summaryText(shares),
  ]
}

function ruleCells(rule: RuleCoverage): (boolean | undefined)[] {
  return ruleColumns.map(({ of }) => (rule.inLong ? undefined : of(rule)))
}

function panelCells(panel: PanelCoverage): (boolean | undefined)[] {
  return [panel.judged ? panel.hasData : undefined, panel.judged && panel.still === undefined ? panel.moves : undefined]
}

function titles(columns: readonly { readonly title: string }[]): string[] {
  return columns.map(({ title }) => title)
}

interface Row {
  readonly name: string
  /** Undefined: not judged. */
  readonly cells: readonly (boolean | undefined)[]
  readonly note: string
}

function table(head: string, columns: readonly string[], rows: readonly Row[], paint: Paint): string[] {
  const width = Math.max(head.length, ...rows.map(({ name }) => name.length))
  return [
    paint.bold(`${head.padEnd(width)}  ${columns.join('  ')}`),
    ...rows.map(({ name, cells, note }) =>
      [
        name.padEnd(width),
        ...cells.map((ok, i) => `${mark(ok, paint)}${' '.repeat(columns[i]!.length - 1)}`),
        ...(note ? [note] : []),
      ].join('  '),
    ),
  ]
}

function mark(ok: boolean | undefined, paint: Paint): string {
  if (ok === undefined) return paint.dim('-')
  return ok ? paint.green('✓') : paint.red('✗')
}

export function summaryText({ rules, panels, rulesInLong, panelsStill, panelsNotJudged }: CoverageShares): string {
  const text = ({ proven, of, percent }: Share, what: string) =>
    percent === null ? `no ${what}` : `${proven} of ${of} ${what} (${percent} %)`
  const unjudged = panelsNotJudged > 0 ? `, ${panelsNotJudged} more not judged` : ''
  const long = rulesInLong > 0 ? `, ${rulesInLong} more only in long drills (--long runs them)` : ''
  const still = panelsStill > 0 ? `, ${panelsStill} of them still, as stated` : ''
  return `${text(rules, 'rules proven')}${long}, ${text(panels, 'panels have data and move')}${still}${unjudged}`
}

function panelName({ dashboard, panel }: PanelCoverage): string {
  return `${dashboard} / ${panel}`
}

/** @returns for example `up in kafka-lag-spike, high-latency-p95 and 3 more` */
export function movesText({ movesIn, still }: PanelCoverage): string {
  if (still !== undefined) return `still, as stated: ${still}`
  const scenarios = [...new Set(movesIn.map(({ scenario }) => scenario))]
  const shown = scenarios.slice(0, 2).map((scenario) => {
    const directions = [...new Set(movesIn.filter((one) => one.scenario === scenario).map(({ moves }) => moves))].sort()
    return `${directions.join(' and ')} in ${scenario}`
  })
  const more = scenarios.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** One file that needs nothing else: no script, no network. */
export function coverageHtml(coverage: Coverage, version: string): string {
  const { rules, panels } = coverage
  const shares = coverageShares(coverage)
  const ruleRows = rules.map((rule) => ({
    name: rule.alertname,
    cells: ruleCells(rule),
    note: rule.proven ? rule.scenarios.join(', ') : rule.missing.join('; '),
  }))
  const panelRows = panels.map((panel) => ({
    name: panelName(panel),
    cells: panelCells(panel),
    note: panel.proven ? movesText(panel) : panel.missing.join('; '),
  }))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Firedrill: coverage of alerts and panels</title>
<style>
:root { color-scheme: light dark; --good: light-dark(#1a7f37, #4ac26b); --bad: light-dark(#c0262d, #ff7b72); --line: light-dark(#d8dee4, #3d444d) }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
td.cell, th.cell { text-align: center; white-space: nowrap }
.good { color: var(--good) } .bad { color: var(--bad) } .note { opacity: .8; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
</style>
<h1>Coverage of alerts and panels</h1>
<p>${escapeHtml(summaryText(shares))}. Firedrill ${escapeHtml(version)}.</p>
${htmlTable('Rule', titles(ruleColumns), ruleRows)}
${panels.length > 0 ? htmlTable('Panel', panelTitles, panelRows) : ''}
</html>
`
}

function htmlTable(head: string, columns: readonly string[], rows: readonly Row[]): string {
  const cell = (ok: boolean | undefined) =>
    ok === undefined
      ? '<td class="cell" aria-label="not judged">–</td>'
      : ok
        ? '<td class="cell good" aria-label="yes">✓</td>'
        : '<td class="cell bad" aria-label="no">✗</td>'
  return [
    `<div class="scroll"><table><thead><tr><th>${head}</th>`,
    ...columns.map((title) => `<th class="cell">${title}</th>`),
    '<th></th></tr></thead><tbody>',
    ...rows.map(
      ({ name, cells, note }) =>
        `<tr><td>${escapeHtml(name)}</td>${cells.map(cell).join('')}<td class="note">${escapeHtml(note)}</td></tr>`,
    ),
    '</tbody></table></div>',
  ].join('\n')
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
