/** `errors{status=~"5.."} / all`: without aggregation each series finds only itself on the other side, so the ratio is 1. */
import { type BinaryExpression, type Expression, expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import { type FindingDefinition, rulesOf } from './finding.ts'

export const divisionMatchesItself: FindingDefinition = {
  code: 'division-matches-itself',
  severity: 'error',
  title: 'a division whose sides can only match themselves',
  *inFiles({ groups, survey }) {
    for (const { rule } of rulesOf(groups)) {
      const tree = parseExpression(rule.expression)
      if (!tree) continue
      for (const part of expressionsIn(tree)) {
        if (part.kind !== 'binary' || part.operator !== '/') continue
        const narrowed = narrowedLabels(part)
        if (narrowed === undefined) continue
        const values = survey?.metrics[narrowed.metric]?.labels[narrowed.labels[0]!]
        const numbers = values
          ? ` (${narrowed.metric} has ${values.length} values of it: ${values.slice(0, 5).join(', ')})`
          : ''
        yield {
          where: rule.place,
          message: `${rule.name}: both sides of the division keep the label ${narrowed.labels.join(', ')}, so every series is divided by itself`,
          evidence: `${narrowed.metric} on both sides, only the left narrowed by ${narrowed.labels.join(', ')}, and no aggregation over it${numbers}: the ratio is 1 or nothing`,
        }
      }
    }
  },
}

/**
 * The labels by which the left side picks some of the series that the right side has too, and which both sides keep;
 * undefined when the division is of another kind.
 */
function narrowedLabels({ left, right, matching }: BinaryExpression): { metric: string; labels: string[] } | undefined {
  const above = plain(left)
  const below = plain(right)
  if (!above || !below || above.wrapping !== below.wrapping) return undefined
  const a = above.selector
  const b = below.selector
  if (a.metric === undefined || a.metric !== b.metric) return undefined
  const onlyAbove = a.matchers.filter(
    (one) =>
      !b.matchers.some(
        ({ name, operator, value }) => name === one.name && operator === one.operator && value === one.value,
      ),
  )
  const isKept = (label: string) =>
    !matching || (matching.mode === 'on' ? matching.labels.includes(label) : !matching.labels.includes(label))
  const labels = [...new Set(onlyAbove.map(({ name }) => name))]
  const kept = labels.filter((label) => isKept(label) && above.keeps(label) && below.keeps(label))
  return labels.length > 0 && kept.length === labels.length ? { metric: a.metric, labels } : undefined
}

interface Plain {
  readonly selector: Extract<Expression, { kind: 'selector' }>
  /** The functions around it; the same on both sides, or the division is no ratio of the same thing. */
  readonly wrapping: string
  keeps(label: string): boolean
}

/** A selector inside of functions and of aggregations; nothing else. */
function plain(expression: Expression): Plain | undefined {
  if (expression.kind === 'selector') {
    return { selector: expression, wrapping: String(expression.rangeMs), keeps: () => true }
  }
  if (expression.kind === 'call' && expression.arguments.length === 1) {
    const inner = plain(expression.arguments[0]!)
    return inner && { ...inner, wrapping: `${expression.name}(${inner.wrapping})` }
  }
  if (expression.kind !== 'aggregation' || expression.parameter) return undefined
  const inner = plain(expression.of)
  const { grouping, operator } = expression
  const keeps = (label: string) =>
    grouping !== undefined && (grouping.mode === 'by') === grouping.labels.includes(label) && inner!.keeps(label)
  return inner && { ...inner, wrapping: `${operator}(${inner.wrapping})`, keeps }
}
