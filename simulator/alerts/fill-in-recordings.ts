/**
 * Fills what a group records into the rules below that read it. A group evaluates its rules in order and at one time, so
 * such a rule sees exactly what the expression of the recording gives: filled in, it needs no store in which results are
 * written back, and it can be judged at every offset of its group at once.
 */
import type { ParsedRule } from '../judge/embedded/engine.ts'
import { childrenOf, type Expression, parseExpression, type SelectorExpression } from './expression-tree.ts'

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
  const tree = parseExpression(expression)
  const places = tree ? [...readNow(tree)].filter(({ metric }) => recordings.has(metric!)) : []
  return places
    .sort((a, b) => a.place.from - b.place.from)
    .reduceRight(
      (filled, { place, metric }) =>
        `${filled.slice(0, place.from)}(${recordings.get(metric!)!.trim()})${filled.slice(place.to)}`,
      expression,
    )
}

/** The selectors that read the value of the very moment, and all of the series. */
function* readNow(expression: Expression): Generator<SelectorExpression> {
  // What a subquery asks for lies in the past.
  if (expression.kind === 'subquery') return
  if (expression.kind !== 'selector') {
    for (const child of childrenOf(expression)) yield* readNow(child)
    return
  }
  const { metric, matchers, rangePlace, shifts } = expression
  if (metric !== undefined && matchers.length === 0 && !rangePlace && shifts.length === 0) yield expression
}
