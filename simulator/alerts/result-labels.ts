/**
 * Which labels the result of an expression can have at most. Source: Prometheus promql/engine.go (resultMetric,
 * aggregation) and promql/functions.go.
 */
import type { BinaryExpression, Expression } from './expression-tree.ts'
import { comparisons } from './expression-tree.ts'

/** Undefined: any label is possible. */
export type LabelNames = ReadonlySet<string> | undefined

/** @param ofMetric labels that the series of a metric have, as far as they are known */
export function resultLabels(
  expression: Expression,
  ofMetric: (metric: string | undefined) => LabelNames = () => undefined,
): LabelNames {
  const of = (inner: Expression): LabelNames => resultLabels(inner, ofMetric)
  switch (expression.kind) {
    case 'number':
    case 'string':
      return none
    case 'selector':
      return ofMetric(expression.metric)
    case 'subquery':
    case 'unary':
      return of(expression.of)
    case 'call':
      return ofCall(expression.name, expression.arguments, of)
    case 'aggregation': {
      const inner = of(expression.of)
      if (keepsSeries.has(expression.operator)) return inner
      const added = expression.operator === 'count_values' ? textOf(expression.parameter) : undefined
      const { grouping } = expression
      const kept = !grouping
        ? none
        : grouping.mode === 'without'
          ? minus(inner, grouping.labels)
          : new Set(grouping.labels.filter((label) => inner === undefined || inner.has(label)))
      return added === undefined ? kept : union(kept, new Set([added]))
    }
    case 'binary':
      return ofBinary(expression, of)
  }
}

/** Whether the expression is a number rather than a set of series. */
export function isScalar(expression: Expression): boolean {
  if (expression.kind === 'number') return true
  if (expression.kind === 'unary') return isScalar(expression.of)
  if (expression.kind === 'call') return ['time', 'scalar', 'pi'].includes(expression.name)
  return expression.kind === 'binary' && isScalar(expression.left) && isScalar(expression.right)
}

const none: ReadonlySet<string> = new Set()
const keepsSeries = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio'])

function ofCall(name: string, given: readonly Expression[], of: (inner: Expression) => LabelNames): LabelNames {
  if (name === 'absent' || name === 'absent_over_time') return absentLabels(given[0])
  if (name === 'label_replace' || name === 'label_join') {
    const inner = given[0] && of(given[0])
    const target = textOf(given[1])
    return target === undefined ? undefined : inner && union(inner, new Set([target]))
  }
  if (name === 'info') return undefined
  const vectors = given.filter((argument) => argument.kind !== 'string' && !isScalar(argument))
  if (vectors.length === 0) return none
  const inner = of(vectors.at(-1)!)
  return name.startsWith('histogram_') ? minus(inner, ['le']) : inner
}

/** absent() makes labels of the matchers that say exactly one value. */
function absentLabels(selector: Expression | undefined): LabelNames {
  if (selector?.kind !== 'selector') return none
  return new Set(selector.matchers.filter(({ operator }) => operator === '=').map(({ name }) => name))
}

function ofBinary(expression: BinaryExpression, of: (inner: Expression) => LabelNames): LabelNames {
  const { left, right, operator, matching, group } = expression
  if (isScalar(left)) return of(right)
  if (isScalar(right)) return of(left)
  if (operator === 'or') return union(of(left), of(right))
  if (operator === 'and' || operator === 'unless') return of(left)
  if (group) {
    const many = group.side === 'left' ? of(left) : of(right)
    return union(many, new Set(group.include))
  }
  const side = of(left)
  if (!matching) return comparisons.has(operator) ? side : intersection(side, of(right))
  if (matching.mode === 'ignoring') return minus(side, matching.labels)
  return new Set(matching.labels.filter((label) => side === undefined || side.has(label)))
}

function textOf(expression: Expression | undefined): string | undefined {
  return expression?.kind === 'string' ? expression.value : undefined
}

function minus(names: LabelNames, removed: readonly string[]): LabelNames {
  return names && new Set([...names].filter((name) => !removed.includes(name)))
}

function union(a: LabelNames, b: LabelNames): LabelNames {
  return a && b && new Set([...a, ...b])
}

/** Both sides must agree on every label, so what one of them can't have is empty on both. */
function intersection(a: LabelNames, b: LabelNames): LabelNames {
  if (!a || !b) return a ?? b
  return new Set([...a].filter((name) => b.has(name)))
}
