/** What a person sees after an edit: what changed, what that made of the drills, and how little had to be judged for it. */

import { countOf } from '../count-text.ts'
import type { DrillResult, Finding, PanelResult } from '../drill/drill-result.ts'
import type { FileChange } from '../watch/file-changes.ts'
import type { KeptDrill } from '../watch/keep-drill.ts'
import type { Paint } from './terminal.ts'

export interface WatchRound {
  readonly drills: readonly (KeptDrill & { readonly before: DrillResult | undefined })[]
  /** Names of drills that are there no more. */
  readonly gone: readonly string[]
  readonly newFindings: readonly Finding[]
  /** From the edit to the verdict. */
  readonly seconds: number
}

/** What an answer begins with, also when nothing can be judged. @param clock time of day */
export function changeLine(changes: readonly FileChange[], clock: string, paint: Paint): string {
  const named = changes.map(({ path, what }) => (what === 'changed' ? path : `${path} (${what})`))
  return `${paint.dim(clock)}  ${paint.bold(named.join(', '))}`
}

/** @returns lines without a line break */
export function watchLines(round: WatchRound, paint: Paint): string[] {
  const { drills, gone, newFindings } = round
  const told = drills.map((drill) => ({ drill, lines: checkLines(drill, paint) }))
  const shown = told.filter(({ drill, lines }) => lines.length > 0 || isNew(drill))
  const quiet = drills.length - shown.length
  const others = shown.length > 0 ? ' other' : ''
  return [
    ...shown.flatMap(({ drill, lines }) => [
      `${mark(drill.result.exitCode === 0, paint)} ${drill.result.scenario}${verdictText(drill, paint)}`,
      ...lines.map((line) => `    ${line}`),
    ]),
    ...gone.map((name) => `- ${name} is gone`),
    ...(quiet > 0 ? [paint.dim(`  ${quiet}${others} ${quiet === 1 ? 'drill is' : 'drills are'} as before`)] : []),
    ...newFindings.map(
      ({ severity, code, where, message }) => `! new finding: ${severity} ${code} ${where}: ${message}`,
    ),
    summaryLine(round, paint),
  ]
}

function isNew({ before, result }: WatchRound['drills'][number]): boolean {
  return before?.verdict !== result.verdict
}

function verdictText({ before, result }: WatchRound['drills'][number], paint: Paint): string {
  const text = result.verdict === 'held' ? 'holds' : paint.red(result.verdict)
  const was = before && before.verdict !== result.verdict ? paint.dim(` (was: ${before.verdict})`) : ''
  return `  ${text}${was}`
}

interface Check {
  readonly key: string
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** Whether something is expected of it that a person wrote down. */
  readonly isStated: boolean
  readonly why: readonly string[]
}

/** Checks whose outcome is another than before, and those of what was judged again that are stated. */
function checkLines({ before, result, rules, panels }: WatchRound['drills'][number], paint: Paint): string[] {
  const known = new Map((before ? checksOf(before) : []).map((check) => [check.key, check]))
  const touched = new Set([...rules, ...panels.map((title) => `panel ${title}`)])
  return checksOf(result)
    .filter(({ key, ok, detail, isStated, name }) => {
      const was = known.get(key)
      if (!was) return !ok
      if (was.ok !== ok || (was.detail !== detail && (isStated || !ok))) return true
      return isStated && touched.has(name)
    })
    .flatMap(({ name, ok, detail, why }) => [
      `${mark(ok, paint)} ${name.padEnd(27)} ${detail}`,
      ...why.map((line) => `    ${paint.dim(line)}`),
    ])
}

function checksOf({ alerts, panels, logs, traces, steady, effects, notes, verdict }: DrillResult): Check[] {
  const plain = { isStated: true, why: [] }
  return [
    ...(verdict === 'internal error' || verdict === 'judge did not answer'
      ? [{ ...plain, key: 'verdict', name: verdict, ok: false, detail: notes.join(' ') }]
      : []),
    ...(steady ? [{ ...plain, key: 'steady', name: 'steady state', ...steady, isStated: !steady.ok }] : []),
    ...effects.map(({ event, fault, ok, detail }) => ({
      ...plain,
      key: `effect ${event}`,
      name: `${event} (${fault})`,
      ok,
      detail,
      isStated: !ok,
    })),
    ...alerts.map(({ alertname, expected, ok, detail, why = [] }) => ({
      key: `alert ${alertname}`,
      name: alertname,
      ok,
      detail,
      isStated: expected === 'fires' || expected === 'pending-only',
      why,
    })),
    ...oneOfEachPanel(panels).map(({ dashboard, panel, refId, expected, ok, detail }) => ({
      key: `panel ${dashboard} ${panel} ${expected ?? refId}`,
      name: `panel ${panel}`,
      ok,
      detail: expected === null ? detail : `${expected}: ${detail}`,
      isStated: expected !== null,
      why: [],
    })),
    ...[...logs, ...traces].map(({ what, ok, detail }) => ({ ...plain, key: what, name: what, ok, detail })),
  ]
}

/** Of a panel that one query of several makes move, that query tells. */
function oneOfEachPanel(panels: readonly PanelResult[]): PanelResult[] {
  const told = new Map<string, PanelResult>()
  for (const one of panels) {
    const key = JSON.stringify([one.dashboard, one.panel, one.expected ?? one.refId])
    const before = told.get(key)
    if (!before || (before.ok && !one.ok) || (before.ok === one.ok && before.moves === 'no')) told.set(key, one)
  }
  return [...told.values()]
}

function summaryLine({ drills, seconds }: WatchRound, paint: Paint): string {
  const failing = drills.filter(({ result }) => result.exitCode !== 0).length
  const held = drills.length - failing
  const outcome = [
    `${held} of ${countOf(drills.length, 'drill')} ${held === 1 || drills.length === 1 ? 'holds' : 'hold'}`,
  ]
  const simulated = drills.filter((drill) => drill.simulated)
  const judged = drills.filter(({ rules, panels }) => rules.length + panels.length > 0)
  const names = [...new Set(judged.flatMap(({ rules }) => rules))]
  const titles = new Set(judged.flatMap(({ panels }) => panels))
  const what = [
    ...(names.length > 3 ? [`${names.length} rules`] : names),
    ...(titles.size > 0 ? [titles.size === 1 ? `panel ${[...titles][0]}` : `${titles.size} panels`] : []),
  ]
  const again =
    what.length > 0
      ? `judged again: ${what.join(', ')} in ${judged.length === 1 ? judged[0]!.result.scenario : `${judged.length} drills`}`
      : 'only expectations compared again'
  const streams =
    simulated.length === 0
      ? 'nothing simulated'
      : `simulated: ${simulated.length > 3 ? `${simulated.length} drills` : simulated.map(({ result }) => result.scenario).join(', ')}`
  const colour = failing > 0 ? paint.red : paint.green
  return `${colour(outcome.join(''))} after ${seconds.toFixed(1)} s; ${paint.dim(`${again}; ${streams}`)}`
}

function mark(ok: boolean, paint: Paint): string {
  return ok ? paint.green('✓') : paint.red('✗')
}
