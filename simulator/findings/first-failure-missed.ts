/** A counter with labels is born with its first event, at 1: increase() sees no rise, so the first failure ever is missed. */
import { type Expression, expressionsIn, parseExpression } from '../alerts/expression-tree.ts'
import { matches } from '../alerts/selector-match.ts'
import { formatClock } from '../expectations/clock-text.ts'
import type { Labels } from '../judge/judge.ts'
import { alertingRulesOf, type FindingDefinition } from './finding.ts'

const seesRises = new Set(['increase', 'rate', 'irate', 'delta', 'idelta'])

export const firstFailureMissed: FindingDefinition = {
  code: 'first-failure-missed',
  severity: 'error',
  title: 'the first event that a counter ever counts goes unnoticed',
  *inDrill({ drill, config, groups, watch }) {
    const slowestMs = Math.max(0, ...config.jobs.flatMap(({ targets }) => targets.map(({ intervalMs }) => intervalMs)))
    for (const { rule } of alertingRulesOf(groups)) {
      for (const { metric, matchers, call } of oneEventCounters(rule.expression)) {
        const born = watch.of(metric).filter(
          // What was there at the first scrape was born before anybody looked.
          ({ labels, firstMs, firstValue }) =>
            firstValue >= 1 && firstMs > drill.startMs + 2 * slowestMs && matches(labels, matchers) === true,
        )
        const first = born[0]
        if (!first) continue
        yield {
          where: rule.place,
          message: `${rule.name}: ${call}() over ${metric} misses the first event that it counts`,
          evidence: `${formatSeries(first.labels)} appears ${formatClock((first.firstMs - drill.startMs) / 1000)} with the value ${first.firstValue}, and ${call}() of that is 0${born.length > 1 ? ` (${born.length} series are born so)` : ''}`,
        }
      }
    }
  },
}

/** Counters of which one single event must be noticed, and which are looked at by their rise alone. */
function oneEventCounters(expression: string) {
  const tree = parseExpression(expression)
  if (!tree || !noticesOne(tree)) return []
  const risen = [...expressionsIn(tree)].flatMap((part) => {
    const selector = part.kind === 'call' && seesRises.has(part.name) ? part.arguments[0] : undefined
    if (part.kind !== 'call' || selector?.kind !== 'selector' || selector.metric === undefined) return []
    return [{ call: part.name, metric: selector.metric, matchers: selector.matchers, selector }]
  })
  // Also looked at as it is: then the birth can be seen.
  const plain = [...expressionsIn(tree)].filter(
    (part) => part.kind === 'selector' && !risen.some(({ selector }) => selector === part),
  )
  return risen.filter(({ metric }) => !plain.some((part) => part.kind === 'selector' && part.metric === metric))
}

/** `increase(x[1h]) > 0`: compared with so little that one event is enough. */
function noticesOne(tree: Expression): boolean {
  return [...expressionsIn(tree)].some((part) => {
    if (part.kind !== 'binary' || part.right.kind !== 'number') return false
    const limit = part.right.value
    if ([...expressionsIn(part.left)].some((inner) => inner.kind === 'binary' && inner.operator === '/')) return false
    const counts = [...expressionsIn(part.left)].some((inner) => inner.kind === 'call' && inner.name === 'increase')
    if (part.operator === '>') return limit === 0 || (counts && limit < 1)
    return part.operator === '>=' && counts && limit <= 1 && limit > 0
  })
}

function formatSeries({ __name__: name, ...labels }: Labels): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(', ')}}`
}
