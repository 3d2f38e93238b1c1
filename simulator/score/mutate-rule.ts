/**
 * Mutants of a rule: the small mistakes that people make when they write one. Places are found in the PromQL syntax tree,
 * and each mutant passes Prometheus's own parser. A suite that notices them would notice the mistake.
 */
import { formatDurationMs } from '../../services/runtime/duration.ts'
import {
  type AggregationExpression,
  type BinaryExpression,
  comparisons,
  type Expression,
  expressionsIn,
  type Place,
  parseExpression,
  type SelectorExpression,
  textAt,
} from '../alerts/expression-tree.ts'
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
  const tree = parseExpression(expression)
  const edits = tree ? [...expressionsIn(tree)].flatMap((part) => editsAt(part, expression, engine)) : []
  const seen = new Set([rule.facts.canonical])
  const mutants = edits.flatMap(({ kind, place, text, name }): NewMutant[] => {
    const changed = expression.slice(0, place.from) + text + expression.slice(place.to)
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
  readonly place: Place
  readonly text: string
  readonly name: string
}

function editsAt(part: Expression, source: string, engine: Engine): Edit[] {
  switch (part.kind) {
    case 'binary':
      return comparisonEdits(part, source)
    case 'selector':
      return [...windowEdits(part, source, engine), ...matcherEdits(part, source)]
    case 'subquery':
      return windowEdits(part, source, engine)
    case 'aggregation':
      return aggregationEdits(part, source)
    default:
      return []
  }
}

const turned: Readonly<Record<string, string>> = { '>': '<', '<': '>', '>=': '<=', '<=': '>=', '==': '!=', '!=': '==' }

/** Threshold and direction of a comparison; of two vectors only the direction. */
function comparisonEdits({ left, operator, operatorPlace, place, right }: BinaryExpression, source: string): Edit[] {
  if (!comparisons.has(operator)) return []
  const where = shorten(textAt(source, place))
  const edits: Edit[] = []
  for (const side of [left, right]) {
    const literal = numberIn(side)
    const value = literal && Number(textAt(source, literal.place))
    if (!literal || value === undefined || !Number.isFinite(value)) continue
    // Twice nothing is nothing: there the smallest step that a count can make stands for it.
    for (const changed of value === 0 ? [1] : [value * 2, value / 2]) {
      const name = `threshold ${value} -> ${changed} in ${where}`
      edits.push({ kind: 'threshold', place: literal.place, text: String(changed), name })
    }
  }
  const to = turned[operator]!
  const name = `comparison ${operator} -> ${to} in ${where}`
  return [...edits, { kind: 'comparison', place: operatorPlace, text: to, name }]
}

function numberIn(side: Expression): Expression | undefined {
  if (side.kind === 'unary') return numberIn(side.of)
  return side.kind === 'number' ? side : undefined
}

/** The range of a selector or subquery; the step of a subquery is none. */
function windowEdits(part: Extract<Expression, { rangePlace: unknown }>, source: string, engine: Engine): Edit[] {
  const { rangePlace } = part
  if (!rangePlace) return []
  const text = textAt(source, rangePlace)
  const ms = durationOf(text, engine)
  if (ms === undefined) return []
  const of = shorten(ofWindow(part, source))
  return [ms * 2, Math.round(ms / 2)].map((changed) => {
    const written = formatDurationMs(changed)
    return { kind: 'window', place: rangePlace, text: written, name: `window ${text} -> ${written} of ${of}` }
  })
}

/** What is looked back at, without the range. */
function ofWindow(part: Extract<Expression, { rangePlace: unknown }>, source: string): string {
  if (part.kind === 'subquery') return textAt(source, part.of.place)
  return source.slice(part.place.from, source.lastIndexOf('[', part.rangePlace!.from)).trimEnd()
}

/** Leaves out a matcher, with the comma that goes with it. The name of the metric is no matcher. */
function matcherEdits({ metric, matchers, place: whole }: SelectorExpression, source: string): Edit[] {
  return matchers
    .filter(({ name }) => name !== '__name__')
    .map(({ place }) => {
      const before = source.slice(0, place.from).trimEnd()
      const after = source.slice(place.to).trimStart()
      const hasComma = after.startsWith(',')
      const from = !hasComma && before.endsWith(',') ? before.length - 1 : place.from
      const to = hasComma ? source.length - after.length + 1 : place.to
      const name = `matcher ${textAt(source, place)} dropped of ${metric ?? shorten(textAt(source, whole))}`
      return { kind: 'matcher', place: { from, to }, text: '', name }
    })
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
function aggregationEdits(part: AggregationExpression, source: string): Edit[] {
  const { operator, operatorPlace, grouping, place } = part
  const where = shorten(textAt(source, place))
  const edits: Edit[] = []
  const other = otherAggregation[operator]
  if (other) {
    const name = `aggregation ${textAt(source, operatorPlace)} -> ${other} in ${where}`
    edits.push({ kind: 'aggregation', place: operatorPlace, text: other, name })
  }
  for (const label of grouping?.labels ?? []) {
    const rest = grouping!.labels.filter((one) => one !== label).map(written)
    const name = `aggregation without label ${label} in ${where}`
    edits.push({ kind: 'aggregation', place: grouping!.place, text: `(${rest.join(', ')})`, name })
  }
  return edits
}

/** A label may have a name that must be quoted. */
function written(label: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) ? label : JSON.stringify(label)
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

/** On one line, and not longer than anybody reads. */
function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 57)}...` : line
}
