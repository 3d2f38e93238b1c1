/**
 * Takes an expression apart with Prometheus's own grammar for editors: which comparison decides, and what is compared.
 * It only reads the syntax; every value comes from the judge, which is asked for the text of a part.
 */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

export interface ExpressionPart {
  /** As in the file, without comments and on one line: an expression of its own. */
  readonly text: string
  readonly kind: 'set' | 'comparison' | 'arithmetic' | 'aggregation' | 'function' | 'selector' | 'number' | 'other'
  /** `and`, `>`, `/`, `sum`, `rate`; empty for selectors and numbers. */
  readonly operator: string
  /** `on (job) group_left ()` between two parts; empty when there is none. */
  readonly matching: string
  /** A comparison that gives 0 or 1 instead of keeping or dropping. */
  readonly isBool: boolean
  /** Of a number. */
  readonly value: number | undefined
  /** Names of the metrics inside, each once. */
  readonly metrics: readonly string[]
  /** Operands in the order of the text. Range vectors are not taken apart: they can't be drawn. */
  readonly parts: readonly ExpressionPart[]
}

/** @returns undefined when the grammar does not know the expression (a newer Prometheus may) */
export function takeApart(expression: string): ExpressionPart | undefined {
  const shifts = shiftsOf(expression)
  const source = { text: expression, masked: withoutShifts(expression, shifts), shifts }
  const root = parser.parse(source.masked).topNode.firstChild
  if (!root || hasError(root.parent!)) return undefined
  return partOf(root, source)
}

interface Source {
  readonly text: string
  readonly masked: string
  readonly shifts: readonly Range[]
}

export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * The grammar lets `offset` and `@` of a selector reach over the whole expression before them, where Prometheus binds
 * them to the selector. Their places are right though: they are hidden while the tree is made, and shown in its texts.
 */
export function shiftsOf(expression: string): Range[] {
  const shifts: Range[] = []
  parser.parse(expression).iterate({
    enter({ node, name }) {
      if (name !== 'OffsetExpr' && name !== 'StepInvariantExpr') return
      const keyword = childrenOf(node)[1]
      if (keyword) shifts.push({ from: keyword.from, to: node.to })
    },
  })
  return shifts.sort((a, b) => a.from - b.from)
}

/** The same text with blanks for the ranges, so that places stay where they are. */
export function withoutShifts(text: string, ranges: readonly Range[]): string {
  let masked = text
  for (const { from, to } of ranges) masked = masked.slice(0, from) + ' '.repeat(to - from) + masked.slice(to)
  return masked
}

function hasError(node: SyntaxNode): boolean {
  let found = false
  node.toTree().iterate({
    enter: ({ type }) => {
      found ||= type.isError
    },
  })
  return found
}

const binaryKinds: Readonly<Record<string, ExpressionPart['kind']>> = {
  And: 'set',
  Or: 'set',
  Unless: 'set',
  Eql: 'comparison',
  Neq: 'comparison',
  Gtr: 'comparison',
  Lss: 'comparison',
  Gte: 'comparison',
  Lte: 'comparison',
}

function partOf(node: SyntaxNode, source: Source): ExpressionPart {
  const children = childrenOf(node)
  const common = {
    text: textOf(node, source),
    operator: '',
    matching: '',
    isBool: false,
    value: undefined,
    metrics: metricsOf(node, source),
    parts: [],
  }
  switch (node.name) {
    case 'ParenExpr':
      return partOf(children.find(isExpression)!, source)
    case 'BinaryExpr': {
      const [left, right] = [children[0]!, children.at(-1)!]
      const operator = children[1]!
      const matching = children.find(({ name }) => name === 'MatchingModifierClause')
      return {
        ...common,
        kind: binaryKinds[operator.name] ?? 'arithmetic',
        operator: plain(source.masked.slice(operator.from, operator.to)).toLowerCase(),
        matching: matching ? plain(source.masked.slice(matching.from, matching.to)) : '',
        isBool: children.some(({ name }) => name === 'BoolModifier'),
        parts: [partOf(left, source), partOf(right, source)],
      }
    }
    case 'UnaryExpr': {
      const value = Number(plain(common.text).replaceAll(' ', ''))
      if (Number.isFinite(value)) return { ...common, kind: 'number', value }
      return { ...common, kind: 'other', parts: children.filter(isExpression).map((child) => partOf(child, source)) }
    }
    case 'AggregateExpr':
    case 'FunctionCall': {
      const body = children.find(({ name }) => name === 'FunctionCallBody')
      const parameters = body ? childrenOf(body).filter(isExpression) : []
      return {
        ...common,
        kind: node.name === 'FunctionCall' ? 'function' : 'aggregation',
        operator: plain(source.masked.slice(children[0]!.from, children[0]!.to)),
        parts: parameters.map((parameter) => partOf(parameter, source)),
      }
    }
    case 'VectorSelector':
      return { ...common, kind: 'selector' }
    case 'NumberDurationLiteral': {
      const value = Number(common.text)
      // A duration is a number too; what it is worth, the judge says.
      return Number.isNaN(value) ? { ...common, kind: 'other' } : { ...common, kind: 'number', value }
    }
    default:
      return { ...common, kind: 'other' }
  }
}

function isExpression({ name }: SyntaxNode): boolean {
  return /Expr$|Selector$|^FunctionCall$|^NumberDurationLiteral$|^StringLiteral$/.test(name)
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child)
  }
  return children
}

function metricsOf(node: SyntaxNode, { masked }: Source): string[] {
  const names: string[] = []
  node.toTree().iterate({
    enter({ name, from, to }) {
      if (name === 'Identifier') names.push(masked.slice(node.from + from, node.from + to))
    },
  })
  return [...new Set(names)]
}

/** The text of a node with the `offset` or `@` that follows it. */
function textOf({ from, to }: SyntaxNode, { text, masked, shifts }: Source): string {
  let end = to
  for (const shift of shifts) {
    if (shift.from >= end && masked.slice(end, shift.from).trim() === '') end = shift.to
  }
  return plain(text.slice(from, end))
}

/** One line, no comments; what is quoted stays as it is. */
function plain(text: string): string {
  const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/.source
  const space = /(?:\s|#[^\n]*)+/.source
  const pattern = new RegExp(`(${quoted})|(\\()${space}|${space}(\\))|${space}`, 'g')
  return text
    .replaceAll(pattern, (_, whole?: string, open?: string, close?: string) => whole ?? open ?? close ?? ' ')
    .trim()
}
