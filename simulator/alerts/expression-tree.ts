/**
 * The syntax tree of a PromQL expression, as plain data, for those who ask what an expression is made of. It is read with
 * the parser that Prometheus's own web page uses; whether an expression is valid, and what it gives, only the judge says.
 */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | SelectorExpression
  | { readonly kind: 'subquery'; readonly of: Expression }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | CallExpression
  | AggregationExpression
  | BinaryExpression

export interface SelectorExpression {
  readonly kind: 'selector'
  readonly metric: string | undefined
  readonly matchers: readonly Matcher[]
  /** Milliseconds; 0 for an instant selector. */
  readonly rangeMs: number
}

export interface Matcher {
  readonly name: string
  readonly operator: string
  readonly value: string
}

export interface CallExpression {
  readonly kind: 'call'
  readonly name: string
  readonly arguments: readonly Expression[]
}

export interface AggregationExpression {
  readonly kind: 'aggregation'
  readonly operator: string
  readonly grouping: Grouping | undefined
  readonly parameter: Expression | undefined
  readonly of: Expression
}

export interface Grouping {
  readonly mode: 'by' | 'without'
  readonly labels: readonly string[]
}

export interface BinaryExpression {
  readonly kind: 'binary'
  readonly operator: string
  readonly left: Expression
  readonly right: Expression
  readonly bool: boolean
  readonly matching: { readonly mode: 'on' | 'ignoring'; readonly labels: readonly string[] } | undefined
  readonly group: { readonly side: 'left' | 'right'; readonly include: readonly string[] } | undefined
}

/** @returns undefined when the text holds something that this reader does not know */
export function parseExpression(text: string): Expression | undefined {
  const top = parser.parse(text).topNode.firstChild
  if (!top || top.nextSibling) return undefined
  try {
    return new TreeReader(text).read(top)
  } catch (error) {
    if (error instanceof UnknownSyntax) return undefined
    throw error
  }
}

/** The expression and everything inside of it, outermost first. */
export function* expressionsIn(expression: Expression): Generator<Expression> {
  yield expression
  for (const child of childrenOf(expression)) yield* expressionsIn(child)
}

export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'subquery':
    case 'unary':
      return [expression.of]
    case 'call':
      return expression.arguments
    case 'aggregation':
      return expression.parameter ? [expression.parameter, expression.of] : [expression.of]
    case 'binary':
      return [expression.left, expression.right]
    default:
      return []
  }
}

export const comparisons: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<='])

class UnknownSyntax extends Error {}

class TreeReader {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  read(node: SyntaxNode): Expression {
    switch (node.name) {
      case 'ParenExpr':
      case 'OffsetExpr':
      case 'StepInvariantExpr':
        return this.read(node.firstChild ?? unknown(node))
      case 'NumberDurationLiteral':
        return { kind: 'number', value: numberOf(this.#textOf(node)) }
      case 'StringLiteral':
        return { kind: 'string', value: unquote(this.#textOf(node)) }
      case 'VectorSelector':
        return this.#selector(node, 0)
      case 'MatrixSelector': {
        const vector = node.getChild('VectorSelector') ?? unknown(node)
        const range = node.getChild('DurationExpr') ?? unknown(node)
        return this.#selector(vector, durationMsOf(this.#textOf(range)))
      }
      case 'SubqueryExpr':
        return { kind: 'subquery', of: this.read(node.firstChild ?? unknown(node)) }
      case 'UnaryExpr':
        return {
          kind: 'unary',
          operator: this.#textOf(node.firstChild ?? unknown(node)),
          of: this.read(node.lastChild ?? unknown(node)),
        }
      case 'FunctionCall': {
        const name = node.getChild('FunctionIdentifier') ?? unknown(node)
        return { kind: 'call', name: this.#textOf(name), arguments: this.#arguments(node) }
      }
      case 'AggregateExpr':
        return this.#aggregation(node)
      case 'BinaryExpr':
        return this.#binary(node)
      default:
        return unknown(node)
    }
  }

  #selector(node: SyntaxNode, rangeMs: number): SelectorExpression {
    const name = node.getChild('Identifier')
    const matchers: Matcher[] = []
    let metric = name ? this.#textOf(name) : undefined
    for (const matcher of childNodes(node.getChild('LabelMatchers'))) {
      if (matcher.name === 'QuotedLabelName') {
        metric = unquote(this.#textOf(matcher))
        continue
      }
      if (!matcher.name.endsWith('LabelMatcher')) continue
      const [label, operator, value] = childNodes(matcher)
      if (!label || !operator || !value) return unknown(matcher)
      const one = {
        name: unquote(this.#textOf(label)),
        operator: this.#textOf(operator),
        value: unquote(this.#textOf(value)),
      }
      if (one.name === '__name__' && one.operator === '=') metric = one.value
      else matchers.push(one)
    }
    return { kind: 'selector', metric, matchers, rangeMs }
  }

  #arguments(node: SyntaxNode): Expression[] {
    return childNodes(node.getChild('FunctionCallBody')).map((child) => this.read(child))
  }

  #aggregation(node: SyntaxNode): AggregationExpression {
    const operator = this.#textOf(node.getChild('AggregateOp') ?? unknown(node)).toLowerCase()
    const modifier = node.getChild('AggregateModifier')
    const grouping: Grouping | undefined = modifier
      ? { mode: modifier.getChild('By') ? 'by' : 'without', labels: this.#labels(modifier.getChild('GroupingLabels')) }
      : undefined
    const all = this.#arguments(node)
    const of = all.at(-1) ?? unknown(node)
    return { kind: 'aggregation', operator, grouping, parameter: all.length > 1 ? all[0] : undefined, of }
  }

  #binary(node: SyntaxNode): BinaryExpression {
    const children = childNodes(node)
    const operator = children[1] ?? unknown(node)
    const clause = node.getChild('MatchingModifierClause')
    return {
      kind: 'binary',
      operator: this.#textOf(operator).toLowerCase(),
      left: this.read(children[0]!),
      right: this.read(children.at(-1)!),
      bool: node.getChild('BoolModifier') !== null || clause?.getChild('Bool') != null,
      ...this.#matching(clause),
    }
  }

  #matching(clause: SyntaxNode | null): Pick<BinaryExpression, 'matching' | 'group'> {
    if (!clause) return { matching: undefined, group: undefined }
    const lists = new Map<string, string[]>()
    let last = ''
    for (const child of childNodes(clause)) {
      if (child.name === 'GroupingLabels') lists.set(last, this.#labels(child))
      else if (child.name !== 'BoolModifier') {
        last = child.name
        lists.set(last, [])
      }
    }
    const side = lists.has('GroupLeft') ? 'left' : lists.has('GroupRight') ? 'right' : undefined
    const mode = lists.has('On') ? 'on' : lists.has('Ignoring') ? 'ignoring' : undefined
    return {
      matching: mode && { mode, labels: lists.get(mode === 'on' ? 'On' : 'Ignoring')! },
      group: side && { side, include: lists.get(side === 'left' ? 'GroupLeft' : 'GroupRight')! },
    }
  }

  #labels(node: SyntaxNode | null): string[] {
    return childNodes(node).map((child) => unquote(this.#textOf(child)))
  }

  #textOf(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to)
  }
}

/** Without what is not part of the expression. */
function childNodes(node: SyntaxNode | null): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child; child = child.nextSibling) {
    if (child.type.isError) return unknown(child)
    if (child.name !== 'LineComment') children.push(child)
  }
  return children
}

function unknown(node: SyntaxNode): never {
  throw new UnknownSyntax(node.name)
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

/** `5m`, `1h30m`, or seconds as a number, as Prometheus 3 takes them. */
function durationMsOf(text: string): number {
  if (/^[\d.]+(e\d+)?$/i.test(text)) return Number(text) * 1000
  let sum = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) sum += Number(amount) * unitsMs[unit!]!
  return sum
}

function numberOf(text: string): number {
  if (/^[+-]?inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^\d+(ms|[smhdwy])/.test(text)) return durationMsOf(text) / 1000
  return Number(text.replaceAll('_', ''))
}

function unquote(text: string): string {
  const quote = text[0]
  if (quote === '`') return text.slice(1, -1)
  if (quote !== '"' && quote !== "'") return text
  return text.slice(1, -1).replaceAll(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)/gi, (_, code: string) => {
    if (code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
    return { n: '\n', t: '\t', r: '\r' }[code] ?? code
  })
}
