/**
 * Fills what a group records into the rules below that read it. A group evaluates its rules in order and at one time, so
 * such a rule sees exactly what the expression of the recording gives: filled in, it needs no store in which results are
 * written back, and it can be judged at every offset of its group at once.
 */
import { parser } from '@prometheus-io/lezer-promql'
import { type Range, shiftsOf, withoutShifts } from '../explain/take-apart.ts'
import type { ParsedRule } from '../judge/embedded/engine.ts'

/**
 * @param rules of one group, in order
 * @param isRecordedOnce whether a name is recorded by one rule only, of all files
 * @returns the rules, with the recordings filled in where the value of the very moment is read. What looks back (a range,
 *   a subquery, an offset) or chooses by labels reads what was stored, and stays as it is.
 */
export function fillInRecordings<T extends ParsedRule>(
  rules: readonly T[],
  isRecordedOnce: (name: string) => boolean,
): T[] {
  const recordings = new Map<string, string>()
  return rules.map((rule) => {
    const expression = fillIn(rule.expression, recordings)
    if (rule.kind === 'recording') {
      const isPlain = Object.keys(rule.labels).length === 0
      if (isPlain && isRecordedOnce(rule.name)) recordings.set(rule.name, expression)
    }
    return { ...rule, expression }
  })
}

function fillIn(expression: string, recordings: ReadonlyMap<string, string>): string {
  if (![...recordings.keys()].some((name) => expression.includes(name))) return expression
  const shifts = shiftsOf(expression)
  const places: { from: number; to: number; name: string }[] = []
  const text = withoutShifts(expression, shifts)
  let isKnown = true
  parser.parse(text).iterate({
    enter({ type, name, node, from, to }) {
      if (type.isError) isKnown = false
      // What a subquery asks for lies in the past.
      if (name === 'SubqueryExpr' || name === 'MatrixSelector') return false
      if (name !== 'VectorSelector' || node.getChild('LabelMatchers') || isShifted(expression, to, shifts)) return
      const metric = text.slice(from, to).trim()
      if (recordings.has(metric)) places.push({ from, to, name: metric })
    },
  })
  if (!isKnown) return expression
  return places.reduceRight(
    (filled, { from, to, name }) => `${filled.slice(0, from)}(${recordings.get(name)!.trim()})${filled.slice(to)}`,
    expression,
  )
}

/** Whether `offset` or `@` follows. */
function isShifted(expression: string, end: number, shifts: readonly Range[]): boolean {
  return shifts.some(({ from }) => from >= end && expression.slice(end, from).trim() === '')
}
