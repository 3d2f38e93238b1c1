/** What a person sees after a run: a block for one drill; for many a line each, details of failures, and the rules. */

import { countOf } from '../count-text.ts'
import type { AlertResult, DrillResult, PanelResult } from '../drill/drill-result.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import type { PanelCoverage, RuleCoverage } from './coverage.ts'

export interface Paint {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  red(text: string): string
  yellow(text: string): string
}

export interface TerminalReport {
  readonly results: readonly DrillResult[]
  readonly coverage: readonly RuleCoverage[]
  readonly panels: readonly PanelCoverage[]
  readonly wallSeconds: number
  readonly paint: Paint
  /** The command that repeats a drill. */
  readonly repeat: (result: DrillResult) => string
}

/** @returns lines without a line break */
export function terminalReport(report: TerminalReport): string[] {
  const { results, coverage, paint } = report
  if (results.length === 1) return [...drillBlock(results[0]!, report), ...endOfOne(results[0]!, report)]
  const shared = sharedPanelFailures(results)
  const own = results.filter(({ exitCode }) => exitCode !== 0).map((result) => withoutShared(result, shared))
  return [
    ...results.map((result) => compactLine(result, report)),
    '',
    ...(shared.size > 0 ? [...sharedLines(shared, paint), ''] : []),
    ...own
      .filter(hasFailure)
      .flatMap((result) => [...drillBlock(result, report), `  ${paint.dim(`repeat: ${report.repeat(result)}`)}`, '']),
    ...coverageTable(coverage, paint),
    summaryLine(report),
  ]
}

/** Panels that fail alike in several drills: a wrong query does so in each, and is one thing to mend. By what is said of them. */
type SharedFailures = ReadonlyMap<string, { readonly panel: PanelResult; readonly drills: number }>

function sharedPanelFailures(results: readonly DrillResult[]): SharedFailures {
  const all = new Map<string, { panel: PanelResult; drills: number }>()
  for (const { panels } of results) {
    const failing = panels.filter(({ ok }) => !ok)
    // A panel that is repeated for each value of a variable is still one in this drill.
    for (const [key, panel] of new Map(failing.map((one) => [failureKey(one), one]))) {
      const { drills } = all.get(key) ?? { drills: 0 }
      all.set(key, { panel, drills: drills + 1 })
    }
  }
  return new Map([...all].filter(([, { drills }]) => drills > 1))
}

function failureKey({ dashboard, panel, refId, expected, detail }: PanelResult): string {
  return JSON.stringify([dashboard, panel, refId, expected, detail])
}

function withoutShared(result: DrillResult, shared: SharedFailures): DrillResult {
  return { ...result, panels: result.panels.filter((panel) => panel.ok || !shared.has(failureKey(panel))) }
}

function sharedLines(shared: SharedFailures, paint: Paint): string[] {
  return [...shared.values()].map(({ panel, drills }) => {
    const { name, detail } = failureOf(panel)
    return `  ${mark(false, paint)} ${name.padEnd(27)} ${detail} (in ${drills} drills)`
  })
}

/** Whether anything is left to say about a drill that failed. */
function hasFailure(result: DrillResult): boolean {
  const ofPanels = result.verdict === 'panel can never show data' || result.verdict === 'expectation failed'
  return !ofPanels || statedChecks(result).includes(false)
}

/** One line for a drill among many. */
export function compactLine(result: DrillResult, { results, paint }: TerminalReport): string {
  const width = Math.max(...results.map(({ scenario }) => scenario.length))
  const ok = result.exitCode === 0
  const said = ok ? `${heldText(result)}${paint.dim(toleratedText(result))}` : paint.red(result.verdict)
  const length = formatDuration(result.virtualSeconds * 1000).padStart(7)
  return `${mark(ok, paint)} ${result.scenario.padEnd(width)}  ${paint.dim(`${length} in ${result.wallSeconds.toFixed(1)}s`)}  ${said}`
}

/** What a drill that held has shown of the alerts that it names. */
function heldText({ alerts }: DrillResult): string {
  const named = (expected: AlertResult['expected']) =>
    alerts.filter((alert) => alert.expected === expected).map(({ alertname }) => alertname)
  const fires = named('fires')
  const pending = named('pending-only')
  const parts = [
    ...(fires.length > 0 ? [`${fires.join(', ')} as expected`] : []),
    ...(pending.length > 0 ? [`${pending.join(', ')} pending, never firing, as expected`] : []),
  ]
  return parts.length > 0 ? parts.join('; ') : 'silent as expected'
}

/** Alerts that fired and may. */
function toleratedText({ alerts }: DrillResult): string {
  const fired = alerts.filter(({ expected, firingAt, instances }) => {
    return expected === 'may' && (firingAt !== null || instances.some((one) => one.episodes.some(hasFired)))
  })
  return fired.length > 0 ? `; tolerated: ${fired.map(({ alertname }) => alertname).join(', ')}` : ''
}

function hasFired({ firingAt }: AlertResult['instances'][number]['episodes'][number]): boolean {
  return firingAt !== null
}

/** Everything about one drill. */
export function drillBlock(result: DrillResult, { paint }: TerminalReport): string[] {
  const { scenario, seed, virtualSeconds, wallSeconds, streamHash, judge } = result
  const lines = [
    `${paint.bold(scenario)}   seed ${seed}   ${formatDuration(virtualSeconds * 1000)} virtual in ${wallSeconds.toFixed(1)}s   ` +
      paint.dim(`stream ${streamHash}   Prometheus ${judge.version} (${judge.kind})`),
  ]
  const line = (ok: boolean, name: string, detail: string) =>
    lines.push(`  ${mark(ok, paint)} ${name.padEnd(27)} ${detail}`)
  if (['judge did not answer', 'internal error', 'interrupted', 'invalid'].includes(result.verdict)) {
    line(false, result.verdict, result.notes.join('\n    '))
    return lines
  }
  if (result.steady && !result.steady.ok) line(false, 'steady state', result.steady.detail)
  for (const { ok, event, fault, detail } of result.effects) {
    if (!ok) line(false, `${event} (${fault})`, `had no effect: ${detail}`)
  }
  for (const alert of result.alerts) {
    if (isWorthALine(alert)) line(alert.ok, alert.alertname, alert.detail)
    for (const told of toldLines(alert)) lines.push(`      ${paint.dim(told)}`)
    for (const why of alert.why ?? []) lines.push(`      ${paint.dim(why)}`)
  }
  const silent = result.alerts.filter((alert) => alert.expected === 'silent' && alert.ok && !isWorthALine(alert))
  if (silent.length > 0) line(true, 'everything else silent', countOf(silent.length, 'rule'))
  for (const { ok, name, detail } of panelLines(result.panels)) line(ok, name, detail)
  for (const { ok, what, detail } of [...result.logs, ...result.traces]) line(ok, what, detail)
  for (const note of result.notes) lines.push(`  ${paint.dim(`- ${note}`)}`)
  return lines
}

/** A line for each panel that fails, and for those that something is expected of; a count of the others. */
function panelLines(all: readonly PanelResult[]): { ok: boolean; name: string; detail: string }[] {
  const failing = all.filter(({ ok }) => !ok)
  const asked = all.filter(({ ok, expected }) => ok && expected !== null)
  const lines = failing.map((one) => ({ ok: false, ...failureOf(one) }))
  const moving = asked.filter(({ moves }) => moves !== null)
  // The panel that one query of several makes move is told by that query.
  const panels = new Map<string, PanelResult>()
  for (const one of moving) {
    const key = `${one.dashboard} ${one.panel} ${one.expected}`
    const before = panels.get(key)
    if (!before || before.moves === 'no') panels.set(key, one)
  }
  for (const { dashboard, panel, expected, detail } of panels.values()) {
    lines.push({ ok: true, name: `panel ${dashboard} / ${panel}`, detail: `${expected}: ${detail}` })
  }
  const rest = all.filter(({ ok, state }) => ok && state !== 'not judged')
  if (rest.length === 0) return lines
  const empty = rest.filter(({ state }) => state === 'empty').length
  const unjudged = all.filter(({ state }) => state === 'not judged').length
  const detail = [
    `${rest.length} ${rest.length === 1 ? 'query' : 'queries'} of panels`,
    empty > 0 && `${empty} of them empty`,
    unjudged > 0 && `${unjudged} more not judged`,
  ]
  return [...lines, { ok: true, name: 'panels', detail: detail.filter(Boolean).join(', ') }]
}

function failureOf({ dashboard, panel, refId, expected, detail }: PanelResult): { name: string; detail: string } {
  return {
    name: `panel ${dashboard} / ${panel}`,
    detail: `query ${refId}${expected === null ? '' : ` should be so: ${expected}`}: ${detail}`,
  }
}

function isWorthALine({ ok, expected, firingAt, instances }: AlertResult): boolean {
  if (!ok || expected === 'fires' || expected === 'pending-only' || expected === 'not judged') return true
  return expected === 'may' && (firingAt !== null || instances.length > 0)
}

/** Who is told; instances that go the same way share a line. */
function toldLines({ instances }: AlertResult): string[] {
  const lines = instances.flatMap(({ receivers, inhibitedBy = [] }) => {
    if (!receivers) return []
    const silenced = inhibitedBy.length > 0 ? `, silenced while ${inhibitedBy.join(', ')} fires` : ''
    return [`tells ${receivers.join(', ')}${silenced}`]
  })
  return [...new Set(lines)]
}

function endOfOne(result: DrillResult, { repeat }: TerminalReport): string[] {
  const checks = checksOf(result)
  const held = checks.filter(Boolean).length
  const failed = checks.length - held
  return [`${held} held, ${failed} failed. Repeat: ${repeat(result)}`]
}

/** Each expectation of a drill: true when it held. */
function checksOf(result: DrillResult): boolean[] {
  const checks = statedChecks(result)
  return checks.length > 0 ? checks : [result.exitCode === 0]
}

function statedChecks({ alerts, panels, logs, traces, steady, effects }: DrillResult): boolean[] {
  const named = alerts.filter(({ expected }) => expected === 'fires' || expected === 'pending-only')
  const silent = alerts.filter(({ expected }) => expected === 'silent')
  return [
    ...named.map(({ ok }) => ok),
    ...(silent.length > 0 ? [silent.every(({ ok }) => ok)] : []),
    ...panels.filter(({ ok, expected }) => !ok || expected !== null).map(({ ok }) => ok),
    ...logs.map(({ ok }) => ok),
    ...traces.map(({ ok }) => ok),
    ...effects.map(({ ok }) => ok),
    ...(steady ? [steady.ok] : []),
  ]
}

/** Rules that no drill of the run is about have nothing to show. */
function coverageTable(all: readonly RuleCoverage[], paint: Paint): string[] {
  const coverage = all.filter(({ scenarios }) => scenarios.length > 0)
  if (coverage.length === 0) return []
  const width = Math.max(4, ...coverage.map(({ alertname }) => alertname.length))
  const yes = (ok: boolean) => (ok ? paint.green('✓') : paint.red('✗'))
  const cell = (ok: boolean, title: string) => `${yes(ok)}${' '.repeat(title.length + 1)}`
  const titles = ['fires', 'near miss silent', 'no fault silent', 'resolves', 'text'] as const
  return [
    paint.bold(`${'rule'.padEnd(width)}  ${titles.join('  ')}`),
    ...coverage.map((rule) =>
      [
        rule.alertname.padEnd(width),
        '  ',
        cell(rule.fires, titles[0]),
        cell(rule.nearMissSilent, titles[1]),
        cell(rule.silentWithoutFault, titles[2]),
        cell(rule.recovers, titles[3]),
        yes(rule.textComplete),
        rule.proven ? '' : `     ${paint.red(rule.missing.join('; '))}`,
      ].join(''),
    ),
    '',
  ]
}

function summaryLine({ results, coverage, panels, wallSeconds, paint }: TerminalReport): string {
  const proven = coverage.filter((rule) => rule.proven).length
  const held = results.filter(({ exitCode }) => exitCode === 0).length
  const failed = results.length - held
  const left = coverage.filter(({ scenarios }) => scenarios.length === 0).length
  const others = left > 0 ? ` (${left} not drilled here)` : ''
  const rules =
    left === coverage.length ? 'no rule is to fire here' : `${proven} of ${coverage.length} rules proven${others}`
  const judged = panels.filter((panel) => panel.judged)
  const shown = judged.filter((panel) => panel.proven).length
  const ofPanels = judged.length > 0 ? `, ${shown} of ${judged.length} panels have data and move` : ''
  const drills = `${countOf(held, 'drill')} held, ${failed} failed`
  const text = `${rules}${ofPanels}, ${drills}, ${wallSeconds.toFixed(1)} s`
  return failed === 0 ? paint.green(text) : paint.red(text)
}

function mark(ok: boolean, paint: Paint): string {
  return ok ? paint.green('✓') : paint.red('✗')
}
