/** histogram_quantile() never gives more than the highest finite bucket: a threshold at or above it is never passed. */
import { type Expression, expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'

export const quantileBeyondBuckets: FindingDefinition = {
  code: 'quantile-beyond-buckets',
  severity: 'error',
  title: 'a quantile that the buckets can not reach',
  *inFiles({ groups, survey }) {
    if (!survey) return
    for (const { rule } of rulesOf(groups)) {
      const tree = parseExpression(rule.expression)
      if (!tree) continue
      for (const comparison of comparedQuantiles(tree)) {
        const bounds = (survey.metrics[comparison.metric]?.labels.le ?? []).map(Number).filter(Number.isFinite)
        if (bounds.length === 0) continue
        const highest = Math.max(...bounds)
        const lowest = Math.min(...bounds)
        const { threshold, operator, metric } = comparison
        if (operator === '>' ? threshold < highest : operator === '>=' ? threshold <= highest : true) continue
        yield {
          where: rule.place,
          message: `${rule.name}: the quantile of ${metric} can not be ${operator} ${threshold}`,
          evidence: `${bounds.length} finite buckets from ${lowest} to ${highest}; a quantile above the highest is shown as ${highest}, and ${highest} ${operator} ${threshold} is false`,
        }
      }
    }
  },
}

function* comparedQuantiles(tree: Expression): Generator<{ metric: string; operator: string; threshold: number }> {
  for (const part of expressionsIn(tree)) {
    if (part.kind !== 'binary' || part.right.kind !== 'number') continue
    const call = part.left
    if (call.kind !== 'call' || call.name !== 'histogram_quantile') continue
    for (const inner of expressionsIn(call)) {
      if (inner.kind === 'selector' && inner.metric !== undefined) {
        yield { metric: inner.metric, operator: part.operator, threshold: part.right.value }
      }
    }
  }
}
