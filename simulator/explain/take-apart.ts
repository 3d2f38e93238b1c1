/**
 * Takes an expression apart with Prometheus's own grammar for editors: which comparison decides, and what is compared.
 * It only reads the syntax; every value comes from the judge, which is asked for the text of a part.
 */
import {
  childrenOf,
  comparisons,
  type Expression,
  expressionsIn,
  type Place,
  parseExpression,
  textAt,
} from '../alerts/expression-tree.ts'

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
  const tree = parseExpression(expression)
  return tree && partOf(tree, expression)
}

const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless'])

function partOf(expression: Expression, source: string): ExpressionPart {
  const textOf = (place: Place) => plain(textAt(source, place))
  const common = {
    text: textOf(expression.place),
    kind: 'other',
    operator: '',
    matching: '',
    isBool: false,
    value: undefined,
    metrics: metricsIn(expression),
    parts: [],
  } as const
  switch (expression.kind) {
    case 'binary': {
      const { operator, matchingPlace, bool, left, right } = expression
      const isComparison = comparisons.has(operator)
      return {
        ...common,
        kind: setOperators.has(operator) ? 'set' : isComparison ? 'comparison' : 'arithmetic',
        operator,
        matching: matchingPlace ? textOf(matchingPlace) : '',
        isBool: bool,
        parts: [partOf(left, source), partOf(right, source)],
      }
    }
    case 'unary': {
      const value = Number(common.text.replaceAll(' ', ''))
      if (Number.isFinite(value)) return { ...common, kind: 'number', value }
      return { ...common, parts: [partOf(expression.of, source)] }
    }
    case 'aggregation':
    case 'call': {
      const isCall = expression.kind === 'call'
      return {
        ...common,
        kind: isCall ? 'function' : 'aggregation',
        operator: isCall ? expression.name : textOf(expression.operatorPlace),
        parts: childrenOf(expression).map((child) => partOf(child, source)),
      }
    }
    case 'selector':
      return expression.rangePlace ? common : { ...common, kind: 'selector' }
    case 'number': {
      const value = Number(common.text)
      // A duration is a number too; what it is worth, the judge says.
      return Number.isNaN(value) ? common : { ...common, kind: 'number', value }
    }
    default:
      return common
  }
}

function metricsIn(expression: Expression): string[] {
  const names = [...expressionsIn(expression)].flatMap((part) => (part.kind === 'selector' ? (part.metric ?? []) : []))
  return [...new Set(names)]
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
