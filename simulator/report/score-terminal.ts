/** A scorecard for people: a line for each rule, then the mutants that nobody noticed, each with what would catch it. */

import { countOf } from '../count-text.ts'
import type { Interval } from '../drill/drill-result.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import {
  type Detection,
  type MutantCount,
  mutationStrength,
  type RuleScore,
  type Scorecard,
} from '../score/scorecard.ts'
import type { Paint } from './terminal.ts'

export interface ScoreView {
  readonly paint: Paint
  /** Whether mutants were judged. */
  readonly mutants: boolean
  readonly wallSeconds: number
}

/** @returns lines without a line break */
export function scoreLines(card: Scorecard, view: ScoreView): string[] {
  const { paint } = view
  const rows = [
    ['rule', 'fires after', 'missed', 'false alarms', 'flaps', ...(view.mutants ? ['mutants noticed'] : [])],
    ...card.rules.map((rule) => rowOf(rule, view)),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  const lines = [paint.bold(table[0]!), ...table.slice(1).map((line, i) => paintRow(line, card.rules[i]!, paint))]
  lines.push('', `false alarms are counted over ${formatDuration(card.quietSeconds * 1000)} without any fault`)
  lines.push(...weakerLines(card.rules))
  if (card.notDrilled.length > 0) lines.push(`no drill expects these to fire: ${card.notDrilled.join(', ')}`)
  if (view.mutants) lines.push(...mutantLines(card, paint))
  return [...lines, paint.dim(`${view.wallSeconds.toFixed(1)} s`)]
}

function rowOf(rule: RuleScore, { mutants }: ScoreView): string[] {
  const atFull = rule.detections.filter(({ drill }) => !isWeaker(drill))
  return [
    rule.rule,
    spanOf(atFull),
    `${rule.missed.filter((drill) => !isWeaker(drill)).length} of ${atFull.length}`,
    String(rule.falseAlarms.length),
    rule.flapping.length === 0 ? '0' : rule.flapping.map(({ drill, firings }) => `${firings}x ${drill}`).join(', '),
    ...(mutants ? [countText(rule.mutants)] : []),
  ]
}

function paintRow(line: string, rule: RuleScore, paint: Paint): string {
  const missed = rule.missed.some((drill) => !isWeaker(drill))
  if (missed || rule.falseAlarms.length > 0) return paint.red(line)
  const weak = rule.flapping.length > 0 || mutationStrength(rule.mutants) < 1
  return weak ? paint.yellow(line) : line
}

/** Drills with a weakened fault have it in their name. */
function isWeaker(drill: string): boolean {
  return drill.includes(' at ')
}

function spanOf(detections: readonly Detection[]): string {
  const after = detections.flatMap((detection) => detection.after ?? [])
  if (after.length === 0) return 'never'
  return intervalText([Math.min(...after), Math.max(...after)])
}

function intervalText([from, to]: Interval): string {
  const text = formatDuration(from * 1000)
  return from === to ? text : `${text} to ${formatDuration(to * 1000)}`
}

function weakerLines(rules: readonly RuleScore[]): string[] {
  const weaker = rules.flatMap(({ rule, detections }) =>
    detections.filter(({ drill }) => isWeaker(drill)).map((detection) => ({ rule, ...detection })),
  )
  if (weaker.length === 0) return []
  return [
    '',
    'at weaker faults:',
    ...weaker.map(
      ({ rule, drill, after }) =>
        `  ${rule}  ${drill}  ${after ? `fires after ${intervalText(after)}` : 'does not fire'}`,
    ),
  ]
}

function countText({ all, noticed, equivalent }: MutantCount): string {
  return `${noticed} of ${all}${equivalent > 0 ? `, ${equivalent} can't be` : ''}`
}

/** The count as it is, then without those that do what the rule does: the one that a limit is held against. */
export function strengthText({ all, noticed, equivalent, hidden }: MutantCount): string {
  const part = (of: number) => `${noticed} of ${of} (${(of === 0 ? 100 : (noticed / of) * 100).toFixed(1)} %)`
  const parts = [`${part(all)} noticed`]
  if (equivalent > 0) parts.push(`without ${countOf(equivalent, 'equivalent one')} ${part(all - equivalent)}`)
  if (hidden > 0) parts.push(`${hidden} of the rest only another platform could show`)
  return parts.join('; ')
}

function mutantLines({ mutants, survivors, contradicted }: Scorecard, paint: Paint): string[] {
  const of = (kind: 'equivalent' | 'hidden' | undefined) => survivors.filter(({ listed }) => listed?.kind === kind)
  const listedLines = (kind: 'equivalent' | 'hidden', heading: string) => [
    ...(of(kind).length > 0 ? [heading] : []),
    ...of(kind).flatMap(({ rule, mutant, listed }) => [`  - ${rule}: ${mutant}`, `    ${paint.dim(listed!.reason)}`]),
  ]
  const open = of(undefined)
  return [
    '',
    paint.bold(`mutants: ${strengthText(mutants)}`),
    ...(open.length > 0 ? ['not noticed, and what would catch them:'] : []),
    ...open.flatMap(({ rule, place, mutant, wouldCatch }) => [
      `  ${paint.yellow('?')} ${rule}: ${mutant}  ${paint.dim(`(${place})`)}`,
      `    ${wouldCatch}`,
    ]),
    ...listedLines('hidden', 'not noticed, and what another platform would need to show them:'),
    ...listedLines('equivalent', 'equivalent, so that nothing can notice them:'),
    ...contradicted.map(({ rule, mutant, noticedBy }) =>
      paint.red(`  ! ${rule}: ${mutant} is listed as not to be noticed, but ${noticedBy} notices it`),
    ),
  ]
}
