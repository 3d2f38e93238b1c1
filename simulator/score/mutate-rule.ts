/**
 * Mutants of a rule: the small mistakes that people make when they write one. Places are found in the PromQL syntax tree,
 * and each mutant passes Prometheus's own parser. A suite that notices them would notice the mistake.
 */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import type { Rule } from '../alerts/load-rules.ts'
import type { Engine, ExpressionFacts } from '../judge/embedded/engine.ts'

export const mutationKinds = ['threshold', 'comparison', 'for', 'window', 'matcher', 'aggregation'] as const
export type MutationKind = (typeof mutationKinds)[number]

export interface Mutant {
  /** The rule as it is. */
  readonly original: Rule
  readonly kind: MutationKind
  /** Unique among the mutants of the rule, and stable while the rule stays as it is: `window 5m -> 10m of up`. */
  readonly name: string
  /** The rule as it would be. */
  readonly rule: Rule
}

/** In the order of the kinds, then of the expression. Those that Prometheus prints like the original are no mutants. */
export function mutateRule(rule: Rule, engine: Engine): Mutant[] {
  const { expression } = rule
  const edits: Edit[] = []
  const cursor = parser.parse(expression).cursor()
  do edits.push(...editsAt(cursor.node, expression, engine))
  while (cursor.next())
  const seen = new Set([rule.facts.canonical])
  const mutants = edits.flatMap(({ kind, from, to, text, name }): NewMutant[] => {
    const changed = expression.slice(0, from) + text + expression.slice(to)
    const facts = inspect(changed, engine)
    if (!facts || facts.type !== rule.facts.type || seen.has(facts.canonical)) return []
    seen.add(facts.canonical)
    return [{ kind, name, rule: { ...rule, expression: changed, facts } }]
  })
  const all = [...mutants, ...waitMutants(rule)].sort(
    (a, b) => mutationKinds.indexOf(a.kind) - mutationKinds.indexOf(b.kind),
  )
  return withUniqueNames(all).map((mutant) => ({ original: rule, ...mutant }))
}

type NewMutant = Omit<Mutant, 'original'>

interface Edit {
  readonly kind: MutationKind
  readonly from: number
  readonly to: number
  readonly text: string
  readonly name: string
}

function editsAt(node: SyntaxNode, source: string, engine: Engine): Edit[] {
  switch (node.name) {
    case 'BinaryExpr':
      return comparisonEdits(node, source)
    case 'DurationExpr':
      return windowEdits(node, source, engine)
    case 'UnquotedLabelMatcher':
    case 'QuotedLabelMatcher':
      return matcherEdits(node, source)
    case 'AggregateExpr':
      return aggregationEdits(node, source)
    default:
      return []
  }
}

const turned: Readonly<Record<string, { readonly text: string; readonly to: string }>> = {
  Gtr: { text: '>', to: '<' },
  Lss: { text: '<', to: '>' },
  Gte: { text: '>=', to: '<=' },
  Lte: { text: '<=', to: '>=' },
  Eql: { text: '==', to: '!=' },
  Neq: { text: '!=', to: '==' },
}

/** Threshold and direction of a comparison; of two vectors only the direction. */
function comparisonEdits(node: SyntaxNode, source: string): Edit[] {
  const operator = childrenOf(node).find(({ name }) => name in turned)
  if (!operator) return []
  const { text, to } = turned[operator.name]!
  const place = shorten(textOf(node, source))
  const edits: Edit[] = []
  for (const side of [node.firstChild!, node.lastChild!]) {
    const literal = numberIn(side)
    const value = literal && Number(textOf(literal, source))
    if (!literal || value === undefined || !Number.isFinite(value)) continue
    // Twice nothing is nothing: there the smallest step that a count can make stands for it.
    for (const changed of value === 0 ? [1] : [value * 2, value / 2]) {
      const name = `threshold ${value} -> ${changed} in ${place}`
      edits.push({ kind: 'threshold', from: literal.from, to: literal.to, text: String(changed), name })
    }
  }
  const name = `comparison ${text} -> ${to} in ${place}`
  return [...edits, { kind: 'comparison', from: operator.from, to: operator.to, text: to, name }]
}

function numberIn(node: SyntaxNode): SyntaxNode | undefined {
  if (node.name === 'NumberDurationLiteral') return node
  const isWrapper = node.name === 'ParenExpr' || node.name === 'UnaryExpr'
  return isWrapper && node.lastChild
    ? childrenOf(node)
        .map(numberIn)
        .find((found) => found !== undefined)
    : undefined
}

/** The range of a matrix selector or subquery; the step of a subquery is none. */
function windowEdits(node: SyntaxNode, source: string, engine: Engine): Edit[] {
  const { parent } = node
  if (parent?.name !== 'MatrixSelector' && parent?.name !== 'SubqueryExpr') return []
  if (parent.getChild('DurationExpr')?.from !== node.from) return []
  const text = textOf(node, source)
  const ms = durationOf(text, engine)
  if (ms === undefined) return []
  const of = shorten(textOf(parent.firstChild!, source))
  return [ms * 2, Math.round(ms / 2)].map((changed) => {
    const written = formatDurationMs(changed)
    return {
      kind: 'window',
      from: node.from,
      to: node.to,
      text: written,
      name: `window ${text} -> ${written} of ${of}`,
    }
  })
}

/** Leaves out a matcher, with the comma that goes with it. The name of the metric is no matcher. */
function matcherEdits(node: SyntaxNode, source: string): Edit[] {
  const label = node.firstChild
  if (!label || textOf(label, source) === '__name__' || node.name === 'QuotedLabelName') return []
  const before = source.slice(0, node.from).trimEnd()
  const after = source.slice(node.to).trimStart()
  const hasComma = after.startsWith(',')
  const from = !hasComma && before.endsWith(',') ? before.length - 1 : node.from
  const to = hasComma ? source.length - after.length + 1 : node.to
  const selector = node.parent?.parent
  const metric = selector?.getChild('Identifier')
  const of = metric ? textOf(metric, source) : shorten(textOf(selector ?? node, source))
  return [{ kind: 'matcher', from, to, text: '', name: `matcher ${textOf(node, source)} dropped of ${of}` }]
}

const otherAggregation: Readonly<Record<string, string>> = {
  sum: 'max',
  max: 'min',
  min: 'max',
  avg: 'max',
  count: 'sum',
  group: 'sum',
  topk: 'bottomk',
  bottomk: 'topk',
  stddev: 'avg',
  stdvar: 'avg',
  quantile: 'topk',
}

/** Another aggregation, and each label of its grouping left out. */
function aggregationEdits(node: SyntaxNode, source: string): Edit[] {
  const operator = node.getChild('AggregateOp')
  if (!operator) return []
  const place = shorten(textOf(node, source))
  const edits: Edit[] = []
  const word = textOf(operator, source)
  const other = otherAggregation[word.toLowerCase()]
  if (other) {
    const name = `aggregation ${word} -> ${other} in ${place}`
    edits.push({ kind: 'aggregation', from: operator.from, to: operator.to, text: other, name })
  }
  const grouping = node.getChild('AggregateModifier')?.getChild('GroupingLabels')
  const labels = grouping?.getChildren('LabelName') ?? []
  for (const label of labels) {
    const rest = labels.filter((one) => one.from !== label.from).map((one) => textOf(one, source))
    const name = `aggregation without label ${textOf(label, source)} in ${place}`
    edits.push({ kind: 'aggregation', from: grouping!.from, to: grouping!.to, text: `(${rest.join(', ')})`, name })
  }
  return edits
}

/** `for` removed or doubled; `keep_firing_for` removed. */
function waitMutants(rule: Rule): NewMutant[] {
  const { forMs, keepFiringForMs } = rule
  const mutants: NewMutant[] = []
  if (forMs > 0) {
    const text = formatDurationMs(forMs)
    mutants.push({ kind: 'for', name: `for ${text} removed`, rule: { ...rule, forMs: 0 } })
    mutants.push({
      kind: 'for',
      name: `for ${text} -> ${formatDurationMs(forMs * 2)}`,
      rule: { ...rule, forMs: forMs * 2 },
    })
  }
  if (keepFiringForMs > 0) {
    const name = `keep_firing_for ${formatDurationMs(keepFiringForMs)} removed`
    mutants.push({ kind: 'for', name, rule: { ...rule, keepFiringForMs: 0 } })
  }
  return mutants
}

function withUniqueNames(mutants: readonly NewMutant[]): NewMutant[] {
  const counts = new Map<string, number>()
  return mutants.map((mutant) => {
    const count = (counts.get(mutant.name) ?? 0) + 1
    counts.set(mutant.name, count)
    return count === 1 ? mutant : { ...mutant, name: `${mutant.name} (${count})` }
  })
}

function inspect(expression: string, engine: Engine): ExpressionFacts | undefined {
  try {
    return engine.inspect(expression)
  } catch {
    return undefined
  }
}

function durationOf(text: string, engine: Engine): number | undefined {
  try {
    return engine.parseDuration(text)
  } catch {
    // A duration may be an expression of its own; those are left alone.
    return undefined
  }
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

function textOf(node: SyntaxNode, source: string): string {
  return source.slice(node.from, node.to)
}

/** On one line, and not longer than anybody reads. */
function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 57)}...` : line
}
