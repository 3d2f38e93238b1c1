/** The answer to "why did it fire" or "why did it not" on a terminal. */
import type { AlertEvidence, ExplanationStep, OperandEvidence } from '../drill/drill-evidence.ts'
import type { AlertResult, DrillResult } from '../drill/drill-result.ts'
import { formatClock, formatDuration, formatInterval } from '../expectations/clock-text.ts'
import { formatValue } from '../explain/units.ts'
import type { Paint } from './terminal.ts'

export interface ExplainText {
  readonly result: DrillResult
  readonly alert: AlertEvidence
  readonly paint: Paint
  readonly columns: number
}

/** @returns lines without a line break */
export function explainText({ result, alert, paint, columns }: ExplainText): string[] {
  const judged = result.alerts.find(({ alertname }) => alertname === alert.alertname)
  const width = Math.max(60, Math.min(columns, 110))
  const waits = alert.forS > 0 ? `for ${formatDuration(alert.forS * 1000)}` : 'no wait'
  return [
    `${paint.bold(alert.alertname)} in ${result.scenario}   seed ${result.seed}   ${verdictText(judged, paint)}`,
    paint.dim(`${alert.place}   group ${alert.group}, every ${formatDuration(alert.intervalS * 1000)}, ${waits}`),
    ...alert.expression
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
    '',
    paint.bold(alert.question),
    ...wrap(alert.answer, width - 2).map((line) => `  ${line}`),
    '',
    ...alert.steps.flatMap((step) => stepLines(step, width, paint)),
    '',
    ...operandLines(alert.operands, width, paint),
  ]
}

function verdictText(judged: AlertResult | undefined, paint: Paint): string {
  if (!judged) return ''
  const expected = judged.expected === 'fires' ? 'expected to fire' : `expected: ${judged.expected}`
  return judged.ok ? paint.green(`✓ ${expected}`) : paint.red(`✗ ${expected}: ${judged.detail}`)
}

function stepLines({ atS, title, text }: ExplanationStep, width: number, paint: Paint): string[] {
  const at =
    atS === null ? '' : atS[0] === atS[1] ? formatClock(atS[0]) : `${formatClock(atS[0])}-${formatClock(atS[1])}`
  const margin = ' '.repeat(16)
  return [
    `  ${at.padStart(12)}  ${paint.bold(title)}`,
    ...wrap(text, width - margin.length).map((line) => `${margin}${line}`),
  ]
}

const titles = ['before', 'during', 'after'] as const
const cellWidth = 10

function operandLines(operands: readonly OperandEvidence[], width: number, paint: Paint): string[] {
  const textWidth = width - 4 - titles.length * (cellWidth + 1)
  const head = `${'  the expression, part by part'.padEnd(textWidth + 4)}${titles.map((title) => title.padStart(cellWidth + 1)).join('')}`
  let told = ''
  return [paint.bold(head), ...operands.flatMap((operand) => linesOf(operand))]

  function linesOf(operand: OperandEvidence): string[] {
    const { depth, role, text, unit, threshold, operator, decided, closest, note, series, seriesCount, trueAt } =
      operand
    const indent = ' '.repeat(2 + depth * 2)
    const cells = titles.map((title) => {
      const value = operand[title]
      const shown = role === 'condition' ? '' : value === null ? '-' : formatValue(value, unit)
      return shown.padStart(cellWidth + 1)
    })
    const mark = decided ? '→ ' : '  '
    const room = textWidth + 4 - indent.length - mark.length
    const [first = '', ...rest] = wrap(text, Math.max(20, room - 1))
    const lines = [
      `${indent}${decided ? paint.yellow(mark) : mark}${first.padEnd(room)}${cells.join('')}`,
      ...rest.map((line) => `${indent}  ${line}`),
    ]
    const under = (said: string) => lines.push(`${indent}  ${paint.dim(said)}`)
    if (role === 'condition') under(trueAt.length > 0 ? `true ${trueAt.map(formatInterval).join(', ')}` : 'never true')
    else if (series[0]) {
      const more = seriesCount > 1 ? ` and ${seriesCount - 1} more` : ''
      // Most parts are about the same labels: they are told once.
      const name = series[0].name === told && more === '' ? '' : ` ${series[0].name}${more}`
      told = series[0].name
      under(`${sparkline(series[0].values, 48)}${name}`)
    }
    if (closest) {
      const limit = threshold === null ? formatValue(closest.threshold, unit) : formatValue(threshold, unit)
      under(`closest to ${operator} ${limit}: ${formatValue(closest.value, unit)} at ${formatClock(closest.atS)}`)
    }
    if (note !== '') under(note)
    return lines
  }
}

const bars = '▁▂▃▄▅▆▇█'

/** The shape of a series in so many characters: the mean of each piece of it. */
export function sparkline(values: readonly number[], width: number): string {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return ''
  const [least, most] = [Math.min(...finite), Math.max(...finite)]
  const count = Math.min(width, values.length)
  return Array.from({ length: count }, (_, i) => {
    const piece = values
      .slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count))
      .filter(Number.isFinite)
    if (piece.length === 0) return ' '
    const mean = piece.reduce((sum, value) => sum + value, 0) / piece.length
    return bars[
      most === least ? (most === 0 ? 0 : 3) : Math.round(((mean - least) / (most - least)) * (bars.length - 1))
    ]
  }).join('')
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
