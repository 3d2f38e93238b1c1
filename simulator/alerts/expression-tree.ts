/**
 * The syntax tree of a PromQL expression, as plain data, for everybody who asks what an expression is made of or changes a
 * part of it: each part knows its place in the text. It is read with the parser that Prometheus's own web page uses;
 * whether an expression is valid, and what it gives, only the judge says.
 */
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** Where something stands in the text of the expression; `to` is the position behind it. */
export interface Place {
  readonly from: number
  readonly to: number
}

/** Parentheses are no part of their own: the place of what stands in them is without them. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly place: Place }
  | { readonly kind: 'string'; readonly value: string; readonly place: Place }
  | SelectorExpression
  | SubqueryExpression
  | UnaryExpression
  | CallExpression
  | AggregationExpression
  | BinaryExpression

export interface SelectorExpression {
  readonly kind: 'selector'
  readonly metric: string | undefined
  readonly matchers: readonly PlacedMatcher[]
  /** Milliseconds; 0 for an instant selector. */
  readonly rangeMs: number
  /** Of the range, without its brackets; undefined for an instant selector. */
  readonly rangePlace: Place | undefined
  readonly shifts: readonly Shift[]
  /** With its range and its shifts. */
  readonly place: Place
}

export interface Matcher {
  readonly name: string
  readonly operator: string
  readonly value: string
}

export interface PlacedMatcher extends Matcher {
  readonly place: Place
}

/** `offset 5m`, `@ 1700000000`, `@ end()`: another time than that of the evaluation. */
export interface Shift {
  readonly kind: 'offset' | 'at'
  readonly place: Place
}

export interface SubqueryExpression {
  readonly kind: 'subquery'
  readonly of: Expression
  readonly rangePlace: Place
  readonly shifts: readonly Shift[]
  readonly place: Place
}

export interface UnaryExpression {
  readonly kind: 'unary'
  readonly operator: string
  readonly of: Expression
  readonly place: Place
}

export interface CallExpression {
  readonly kind: 'call'
  readonly name: string
  readonly arguments: readonly Expression[]
  readonly place: Place
}

export interface AggregationExpression {
  readonly kind: 'aggregation'
  readonly operator: string
  readonly operatorPlace: Place
  readonly grouping: Grouping | undefined
  readonly parameter: Expression | undefined
  readonly of: Expression
  readonly place: Place
}

export interface Grouping {
  readonly mode: 'by' | 'without'
  readonly labels: readonly string[]
  /** Of the list, with its parentheses. */
  readonly place: Place
}

export interface BinaryExpression {
  readonly kind: 'binary'
  readonly operator: string
  readonly operatorPlace: Place
  readonly left: Expression
  readonly right: Expression
  readonly bool: boolean
  readonly matching: { readonly mode: 'on' | 'ignoring'; readonly labels: readonly string[] } | undefined
  readonly group: { readonly side: 'left' | 'right'; readonly include: readonly string[] } | undefined
  /** Of `on (...) group_left (...)` as a whole. */
  readonly matchingPlace: Place | undefined
  readonly place: Place
}

/** @returns undefined when the text holds something that this reader does not know */
export function parseExpression(text: string): Expression | undefined {
  const shifts = shiftsOf(text)
  const masked = withoutShifts(text, shifts)
  const tree = parser.parse(masked)
  let isKnown = true
  tree.iterate({
    enter: ({ type }) => {
      isKnown &&= !type.isError
    },
  })
  if (!isKnown) return undefined
  try {
    const [top, ...others] = childNodes(tree.topNode)
    if (!top || others.length > 0) return undefined
    const reader = new TreeReader(masked, shifts)
    const expression = reader.read(top)
    // A shift that belongs to nothing was not understood, and what it shifts would be read as of now.
    return reader.boundShifts === shifts.length ? expression : undefined
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

/** Places of all durations that are no operands: ranges, steps and offsets, also of expressions not known otherwise. */
export function durationPlaces(text: string): Place[] {
  const places: Place[] = []
  parser.parse(text).iterate({
    enter({ name, from, to }) {
      if (name === 'NumberDurationLiteralInDurationContext') places.push({ from, to })
    },
  })
  return places
}

export function textAt(text: string, { from, to }: Place): string {
  return text.slice(from, to)
}

export const comparisons: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<='])

/**
 * The grammar lets `offset` and `@` of a selector reach over the whole expression before them, where Prometheus binds
 * them to the selector. Their places are right though: they are hidden while the tree is made, and then bound as
 * Prometheus does.
 */
function shiftsOf(text: string): Shift[] {
  const shifts: Shift[] = []
  parser.parse(text).iterate({
    enter({ node, name }) {
      if (name !== 'OffsetExpr' && name !== 'StepInvariantExpr') return
      // The first child is what is shifted, the second the keyword; comments may stand anywhere.
      const keyword = ownChildren(node)[1]
      const kind = name === 'OffsetExpr' ? 'offset' : 'at'
      if (keyword) shifts.push({ kind, place: { from: keyword.from, to: node.to } })
    },
  })
  return shifts.sort((a, b) => a.place.from - b.place.from)
}

/** The same text with blanks for the shifts, so that places stay where they are. */
function withoutShifts(text: string, shifts: readonly Shift[]): string {
  let masked = text
  for (const { place } of shifts) {
    masked = masked.slice(0, place.from) + ' '.repeat(place.to - place.from) + masked.slice(place.to)
  }
  return masked
}

class UnknownSyntax extends Error {}

class TreeReader {
  readonly #text: string
  readonly #shifts: readonly Shift[]
  readonly #bound = new Set<Shift>()

  /** @param text without the shifts */
  constructor(text: string, shifts: readonly Shift[]) {
    this.#text = text
    this.#shifts = shifts
  }

  get boundShifts(): number {
    return this.#bound.size
  }

  read(node: SyntaxNode): Expression {
    switch (node.name) {
      case 'ParenExpr':
        return this.read(childNodes(node)[0] ?? unknown(node))
      case 'NumberDurationLiteral':
        return { kind: 'number', value: numberOf(this.#textOf(node)), place: placeOf(node) }
      case 'StringLiteral':
        return { kind: 'string', value: unquote(this.#textOf(node)), place: placeOf(node) }
      case 'VectorSelector':
        return this.#selector(node, node, undefined)
      case 'MatrixSelector': {
        const vector = node.getChild('VectorSelector') ?? unknown(node)
        return this.#selector(node, vector, placeOf(node.getChild('DurationExpr') ?? unknown(node)))
      }
      case 'SubqueryExpr': {
        const of = this.read(childNodes(node)[0] ?? unknown(node))
        const range = node.getChild('DurationExpr') ?? unknown(node)
        return { kind: 'subquery', of, rangePlace: placeOf(range), ...this.#shifted(node) }
      }
      case 'UnaryExpr': {
        const [operator, operand] = childNodes(node)
        const of = this.read(operand ?? unknown(node))
        return { kind: 'unary', operator: this.#textOf(operator!), of, place: around(node, of) }
      }
      case 'FunctionCall': {
        const name = node.getChild('FunctionIdentifier') ?? unknown(node)
        return { kind: 'call', name: this.#textOf(name), arguments: this.#arguments(node), place: placeOf(node) }
      }
      case 'AggregateExpr':
        return this.#aggregation(node)
      case 'BinaryExpr':
        return this.#binary(node)
      default:
        return unknown(node)
    }
  }

  /** The place of a node with what shifts it. */
  #shifted(node: SyntaxNode): { shifts: readonly Shift[]; place: Place } {
    const shifts: Shift[] = []
    let { to } = node
    for (const shift of this.#shifts) {
      if (shift.place.from < to || this.#text.slice(to, shift.place.from).trim() !== '') continue
      shifts.push(shift)
      this.#bound.add(shift)
      to = shift.place.to
    }
    return { shifts, place: { from: node.from, to } }
  }

  #selector(node: SyntaxNode, vector: SyntaxNode, range: Place | undefined): SelectorExpression {
    const name = vector.getChild('Identifier')
    const matchers: PlacedMatcher[] = []
    let metric = name ? this.#textOf(name) : undefined
    for (const matcher of childNodes(vector.getChild('LabelMatchers'))) {
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
        place: placeOf(matcher),
      }
      if (one.name === '__name__' && one.operator === '=') metric = one.value
      else matchers.push(one)
    }
    const rangeMs = range ? durationMsOf(textAt(this.#text, range)) : 0
    return { kind: 'selector', metric, matchers, rangeMs, rangePlace: range, ...this.#shifted(node) }
  }

  #arguments(node: SyntaxNode): Expression[] {
    return childNodes(node.getChild('FunctionCallBody')).map((child) => this.read(child))
  }

  #aggregation(node: SyntaxNode): AggregationExpression {
    const operator = node.getChild('AggregateOp') ?? unknown(node)
    const modifier = node.getChild('AggregateModifier')
    const list = modifier?.getChild('GroupingLabels')
    const grouping: Grouping | undefined =
      modifier && list
        ? { mode: modifier.getChild('By') ? 'by' : 'without', labels: this.#labels(list), place: placeOf(list) }
        : undefined
    const all = this.#arguments(node)
    const of = all.at(-1) ?? unknown(node)
    return {
      kind: 'aggregation',
      operator: this.#textOf(operator).toLowerCase(),
      operatorPlace: placeOf(operator),
      grouping,
      parameter: all.length > 1 ? all[0] : undefined,
      of,
      place: placeOf(node),
    }
  }

  #binary(node: SyntaxNode): BinaryExpression {
    const children = childNodes(node)
    const operator = children[1] ?? unknown(node)
    const clause = node.getChild('MatchingModifierClause')
    const left = this.read(children[0]!)
    const right = this.read(children.at(-1)!)
    return {
      kind: 'binary',
      operator: this.#textOf(operator).toLowerCase(),
      operatorPlace: placeOf(operator),
      left,
      right,
      bool: node.getChild('BoolModifier') !== null || clause?.getChild('Bool') != null,
      ...this.#matching(clause),
      matchingPlace: clause ? placeOf(clause) : undefined,
      place: around(node, right),
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
  const children = ownChildren(node)
  for (const child of children) if (child.type.isError) return unknown(child)
  return children
}

function ownChildren(node: SyntaxNode | null): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child)
  }
  return children
}

function placeOf({ from, to }: SyntaxNode): Place {
  return { from, to }
}

/** The node, and the shift of its last operand, which stands behind it. */
function around({ from, to }: SyntaxNode, last: Expression): Place {
  return { from, to: Math.max(to, last.place.to) }
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
