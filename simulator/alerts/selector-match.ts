/** Whether the labels of a series satisfy matchers, where no judge has the series any more. */

import type { Labels } from '../judge/judge.ts'
import type { Matcher } from './expression-tree.ts'

/** @returns undefined when a regular expression can't be told here: Prometheus has RE2, this is JavaScript */
export function matches(labels: Labels, matchers: readonly Matcher[]): boolean | undefined {
  let unsure = false
  for (const { name, operator, value } of matchers) {
    if (name === '__name__' && operator === '=') continue
    const matched = matchesValue(labels[name] ?? '', operator, value)
    if (matched === false) return false
    if (matched === undefined) unsure = true
  }
  return unsure ? undefined : true
}

export function matchesValue(text: string, operator: string, value: string): boolean | undefined {
  if (operator === '=') return text === value
  if (operator === '!=') return text !== value
  const expression = compiled(value)
  if (!expression) return undefined
  return expression.test(text) === (operator === '=~')
}

const cache = new Map<string, RegExp | undefined>()

function compiled(source: string): RegExp | undefined {
  if (!cache.has(source)) cache.set(source, compile(source))
  return cache.get(source)
}

function compile(source: string): RegExp | undefined {
  // The one flag that people write in front: RE2 takes it inside of the expression, JavaScript does not.
  const insensitive = source.startsWith('(?i)')
  try {
    return new RegExp(`^(?:${insensitive ? source.slice(4) : source})$`, insensitive ? 'is' : 's')
  } catch {
    return undefined
  }
}
