/**
 * What division can't make true at a speed K. Time passes K times faster, so a rate per second is K times higher; a ratio
 * of two rates is not, and neither is an increase. Expressions are followed through the syntax tree: each part has a
 * degree, 1 for "per second", 0 for what does not depend on the speed.
 */

import {
  type BinaryExpression,
  type CallExpression,
  comparisons,
  type Expression,
  parseExpression,
  type SelectorExpression,
  type Shift,
  textAt,
} from '../../alerts/expression-tree.ts'
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

/** Of zero no degree is known, and none is needed: 0 times anything is 0. */
const any = undefined
type Degree = number | undefined

export interface Unconfirmable {
  /** Why each of these alerts can't be confirmed at a speed other than 1. */
  readonly alerts: ReadonlyMap<string, string>
  /** The same of recording rules, by the name of what they record. */
  readonly recordings: ReadonlyMap<string, string>
}

export function unconfirmable(groups: readonly RuleGroup[]): Unconfirmable {
  const recorded = new Map<string, Degree>()
  const alerts = new Map<string, string>()
  const recordings = new Map<string, string>()
  for (const { rules } of groups) {
    for (const rule of rules) {
      const walk = new Walk(rule.expression, recorded)
      const inherited = rule.facts.selectors.map(({ metric }) => metric && recordings.get(metric)).find(Boolean)
      const reason = walk.reasons[0] ?? inherited
      if (rule.kind === 'recording') {
        recorded.set(rule.name, walk.degree)
        if (reason) recordings.set(rule.name, reason)
      } else if (reason && !alerts.has(rule.name)) {
        alerts.set(rule.name, reason)
      }
    }
  }
  return { alerts, recordings }
}

/** @returns why what an expression shows can't be confirmed at a speed other than 1; undefined when it can */
export function whyUnconfirmable(
  expression: string,
  metrics: readonly (string | undefined)[],
  { recordings }: Pick<Unconfirmable, 'recordings'>,
): string | undefined {
  return (
    new Walk(expression, new Map()).reasons[0] ??
    metrics.map((metric) => metric && recordings.get(metric)).find((reason) => reason !== undefined && reason !== '')
  )
}

class Walk {
  readonly reasons: string[] = []
  readonly degree: Degree
  readonly #text: string
  readonly #recorded: ReadonlyMap<string, Degree>

  constructor(expression: string, recorded: ReadonlyMap<string, Degree>) {
    this.#text = expression
    this.#recorded = recorded
    const tree = parseExpression(expression)
    if (!tree) this.#say('is written in a way that is not known here')
    this.degree = tree ? this.#degreeOf(tree) : any
  }

  #degreeOf(expression: Expression): Degree {
    switch (expression.kind) {
      case 'number':
        return expression.value === 0 ? any : 0
      case 'string':
        return 0
      case 'selector':
        return this.#selector(expression)
      case 'call':
        return this.#call(expression)
      case 'aggregation':
        return this.#aggregation(expression.operator, expression.of, expression.parameter)
      case 'binary':
        return this.#binary(expression)
      case 'subquery':
        this.#times(expression.shifts)
        return this.#degreeOf(expression.of)
      case 'unary':
        return this.#degreeOf(expression.of)
    }
  }

  #times(shifts: readonly Shift[]): void {
    const named = shifts.filter(
      ({ kind, place }) => kind === 'at' && !/@\s*(start|end)\s*\(/.test(textAt(this.#text, place)),
    )
    if (named.length > 0) this.#say('names a time of the clock (@)')
  }

  #selector({ metric = '', shifts }: SelectorExpression): Degree {
    this.#times(shifts)
    if (/_seconds(_bucket|_sum)$/.test(metric)) {
      this.#say('measures how long something takes, and the milliseconds of this machine count that many times')
    }
    return this.#recorded.get(metric) ?? 0
  }

  #call({ name, arguments: all }: CallExpression): Degree {
    if (clockFunctions.has(name)) this.#say(`reads the clock (${name})`)
    if (name === 'predict_linear') this.#say('looks ahead by a number of seconds (predict_linear)')
    const degrees = all.map((argument) => this.#degreeOf(argument))
    if (countingFunctions.has(name)) return 0
    const degree = degrees.find((candidate) => candidate !== any && candidate !== 0) ?? degrees[0]
    return perSecondFunctions.has(name) && degree !== any ? degree + 1 : degree
  }

  #aggregation(operator: string, of: Expression, parameter: Expression | undefined): Degree {
    if (parameter) this.#degreeOf(parameter)
    const degree = this.#degreeOf(of)
    return operator.startsWith('count') || operator.startsWith('group') ? 0 : degree
  }

  #binary({ left, operator, right }: BinaryExpression): Degree {
    const [a, b] = [this.#degreeOf(left), this.#degreeOf(right)]
    if (operator === '*') return a === any || b === any ? any : a + b
    if (operator === '/') return a === any ? any : b === any ? a : a - b
    if (operator === '^') return a === any ? any : a * (right.kind === 'number' ? right.value : Number.NaN)
    if (operator === 'and' || operator === 'unless') return a
    if (a !== any && b !== any && a !== b) {
      const what = comparisons.has(operator) ? 'compares' : 'joins'
      this.#say(`${what} a rate per second with a number that does not grow with the speed`)
    }
    return a === any ? b : a
  }

  #say(reason: string): void {
    if (!this.reasons.includes(reason)) this.reasons.push(reason)
  }
}
