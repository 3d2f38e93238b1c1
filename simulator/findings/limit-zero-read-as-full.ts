/** Many exporters say "no limit" as 0. A share of it is x / 0 = +Inf, which is above every threshold. */
import { type Expression, expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import { matches } from '../alerts/selector-match.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'

export const limitZeroReadAsFull: FindingDefinition = {
  code: 'limit-zero-read-as-full',
  severity: 'error',
  title: 'a limit of 0, which means no limit, is divided by',
  *inDrill({ groups, watch, evaluations }) {
    for (const { rule } of rulesOf(groups)) {
      const tree = parseExpression(rule.expression)
      if (!tree) continue
      for (const part of expressionsIn(tree)) {
        if (part.kind !== 'binary' || part.operator !== '/') continue
        const below = gaugeBelow(part.right)
        if (!below) continue
        const all = watch.of(below.metric).filter(({ labels }) => matches(labels, below.matchers) === true)
        // A value that is now and then 0 is a quantity; a limit stays.
        const zero = all.filter(({ least, greatest }) => least === 0 && greatest === 0)
        if (zero.length === 0) continue
        const evaluation = evaluations.find((one) => one.rule === rule)
        const endless = new Set(
          evaluation?.offsets.flatMap(({ episodes }) =>
            episodes.filter(({ value }) => value === Number.POSITIVE_INFINITY).map(({ key }) => key),
          ),
        )
        if (!endless.size && isFiltered(tree, below.metric)) continue
        const example = zero[0]!.labels
        const who = example.name ?? example.id ?? example.instance ?? example.job ?? ''
        yield {
          where: rule.place,
          message: `${rule.name} divides by ${below.metric}, which is 0 for what has no limit`,
          evidence: `${zero.length} of ${all.length} series are always 0 (for example ${who})${endless.size > 0 ? `; ${endless.size} alerts with the value +Inf` : ''}`,
        }
      }
    }
  },
}

/** A plain gauge, perhaps inside of an aggregation; a comparison in between filters the zeros away. */
function gaugeBelow(
  expression: Expression,
): (Extract<Expression, { kind: 'selector' }> & { metric: string }) | undefined {
  if (expression.kind === 'selector') {
    const { metric } = expression
    return metric !== undefined && expression.rangeMs === 0 ? { ...expression, metric } : undefined
  }
  return expression.kind === 'aggregation' && expression.operator !== 'count' ? gaugeBelow(expression.of) : undefined
}

/** `x / limit and limit > 0`, or `x / limit < Inf`: handled at another place. */
function isFiltered(tree: Expression, metric: string): boolean {
  return [...expressionsIn(tree)].some((part) => {
    if (part.kind !== 'binary' || part.right.kind !== 'number') return false
    if (part.right.value === Number.POSITIVE_INFINITY) return true
    return (
      part.left.kind === 'selector' && part.left.metric === metric && (part.operator === '>' || part.operator === '!=')
    )
  })
}
