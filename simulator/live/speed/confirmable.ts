/**
 * What division can't make true at a speed K. Time passes K times faster, so a rate per second is K times higher; a ratio
 * of two rates is not, and neither is an increase. Expressions are followed through the syntax tree: each part has a
 * degree, 1 for "per second", 0 for what does not depend on the speed.
 */

import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import type { RuleGroup } from '../../alerts/load-rules.ts'

const clockFunctions: ReadonlySet<string> = new Set([
  'time',
  'timestamp',
  'minute',
  'hour',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'days_in_month',
  'month',
  'year',
])
const perSecondFunctions: ReadonlySet<string> = new Set(['rate', 'irate', 'deriv'])
/** They count or ask for presence: the value of what they read does not matter. */
const countingFunctions: ReadonlySet<string> = new Set([
  'absent',
  'absent_over_time',
  'present_over_time',
  'count_over_time',
  'changes',
  'resets',
  'histogram_quantile',
  'histogram_fraction',
])
const comparisons: ReadonlySet<string> = new Set(['Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte'])

/** Of zero no degree is known, and none is needed: 0 times anything is 0. */
const any = undefined
type Degree = number | undefined

/** @returns why each alert can't be confirmed at a speed other than 1; those that can are absent */
export function unconfirmable(groups: readonly RuleGroup[]): Map<string, string> {
  const recorded = new Map<string, Degree>()
  const reasons = new Map<string, string>()
  const tainted = new Map<string, string>()
  for (const { rules } of groups) {
    for (const rule of rules) {
      const walk = new Walk(rule.expression, recorded)
      const inherited = rule.facts.selectors.map(({ metric }) => metric && tainted.get(metric)).find(Boolean)
      const reason = walk.reasons[0] ?? inherited
      if (rule.kind === 'recording') {
        recorded.set(rule.name, walk.degree)
        if (reason) tainted.set(rule.name, reason)
      } else if (reason && !reasons.has(rule.name)) {
        reasons.set(rule.name, reason)
      }
    }
  }
  return reasons
}

class Walk {
  readonly reasons: string[] = []
  readonly degree: Degree
  readonly #text: string
  readonly #recorded: ReadonlyMap<string, Degree>

  constructor(expression: string, recorded: ReadonlyMap<string, Degree>) {
    this.#text = expression
    this.#recorded = recorded
    this.degree = this.#degreeOf(parser.parse(expression).topNode)
  }

  #degreeOf(node: SyntaxNode): Degree {
    switch (node.name) {
      case 'NumberDurationLiteral':
        return Number(this.#textOf(node)) === 0 ? any : 0
      case 'StringLiteral':
        return 0
      case 'VectorSelector':
        return this.#selector(node)
      case 'FunctionCall':
        return this.#call(node)
      case 'AggregateExpr':
        return this.#aggregation(node)
      case 'BinaryExpr':
        return this.#binary(node)
      case 'StepInvariantExpr':
        if (!/@\s*(start|end)\s*\(/.test(this.#textOf(node))) this.#say('names a time of the clock (@)')
        return this.#inner(node)
      default:
        return this.#inner(node)
    }
  }

  /** The only expression inside (parentheses, ranges, offsets). */
  #inner(node: SyntaxNode): Degree {
    const child = expressionsOf(node)[0]
    return child ? this.#degreeOf(child) : 0
  }

  #selector(node: SyntaxNode): Degree {
    const name = this.#textOf(node.getChild('Identifier') ?? node)
    if (/_seconds(_bucket|_sum)$/.test(name)) {
      this.#say('measures how long something takes, and the milliseconds of this machine count that many times')
    }
    return this.#recorded.get(name) ?? 0
  }

  #call(node: SyntaxNode): Degree {
    const name = this.#textOf(node.getChild('FunctionIdentifier')!)
    if (clockFunctions.has(name)) this.#say(`reads the clock (${name})`)
    if (name === 'predict_linear') this.#say('looks ahead by a number of seconds (predict_linear)')
    const body = node.getChild('FunctionCallBody')
    const degrees = (body ? expressionsOf(body) : []).map((argument) => this.#degreeOf(argument))
    if (countingFunctions.has(name)) return 0
    const degree = degrees.find((candidate) => candidate !== any && candidate !== 0) ?? degrees[0]
    return perSecondFunctions.has(name) && degree !== any ? degree + 1 : degree
  }

  #aggregation(node: SyntaxNode): Degree {
    const operator = this.#textOf(node.getChild('AggregateOp') ?? node)
    const body = node.getChild('FunctionCallBody')
    const degrees = (body ? expressionsOf(body) : []).map((argument) => this.#degreeOf(argument))
    if (operator.startsWith('count') || operator.startsWith('group')) return 0
    // quantile(0.9, x), topk(3, x): the last is what is aggregated.
    return degrees.at(-1)
  }

  #binary(node: SyntaxNode): Degree {
    const operands = expressionsOf(node)
    const [left, right] = [operands[0]!, operands.at(-1)!]
    const [a, b] = [this.#degreeOf(left), this.#degreeOf(right)]
    const operator = childrenOf(node).find(({ name }) => isOperator(name))?.name ?? ''
    if (operator === 'Mul') return a === any || b === any ? any : a + b
    if (operator === 'Div') return a === any ? any : b === any ? a : a - b
    if (operator === 'Pow') return a === any ? any : a * Number(this.#textOf(right))
    if (operator === 'And' || operator === 'Unless') return a
    if (a !== any && b !== any && a !== b) {
      const what = comparisons.has(operator) ? 'compares' : 'joins'
      this.#say(`${what} a rate per second with a number that does not grow with the speed`)
    }
    return a === any ? b : a
  }

  #textOf({ from, to }: SyntaxNode): string {
    return this.#text.slice(from, to)
  }

  #say(reason: string): void {
    if (!this.reasons.includes(reason)) this.reasons.push(reason)
  }
}

const expressionNames: ReadonlySet<string> = new Set([
  'NumberDurationLiteral',
  'StringLiteral',
  'VectorSelector',
  'MatrixSelector',
  'SubqueryExpr',
  'FunctionCall',
  'AggregateExpr',
  'BinaryExpr',
  'UnaryExpr',
  'ParenExpr',
  'OffsetExpr',
  'StepInvariantExpr',
])
const operators: ReadonlySet<string> = new Set([
  ...comparisons,
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Mod',
  'Pow',
  'Atan2',
  'And',
  'Or',
  'Unless',
])

function isOperator(name: string): boolean {
  return operators.has(name)
}

function expressionsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => expressionNames.has(name))
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}
