/** A route behind one that takes everything that it would take. */
import type { Route } from '../alertmanager/alertmanager-config.ts'
import { everyRoute } from '../alertmanager/routing.ts'
import type { Matcher } from '../alerts/expression-tree.ts'
import { matchesValue } from '../alerts/selector-match.ts'
import type { FindingDefinition } from './finding.ts'

export const routeShadowed: FindingDefinition = {
  code: 'route-shadowed',
  severity: 'warning',
  title: 'a route that an earlier one hides',
  *inFiles({ alertmanager }) {
    if (!alertmanager) return
    for (const parent of everyRoute(alertmanager.root)) {
      for (const [i, route] of parent.routes.entries()) {
        const before = parent.routes.slice(0, i).find((one) => !one.continue && hides(one, route))
        if (!before) continue
        yield {
          where: route.place,
          message: `the route to ${route.receiver} is never taken: the one at ${before.place} takes everything that it would take`,
          evidence: `${describe(before)} comes first and does not continue; this one wants ${describe(route)}`,
        }
      }
    }
  },
}

/** Whatever satisfies the later route satisfies the earlier one. */
function hides(earlier: Route, later: Route): boolean {
  return earlier.matchers.every((wanted) => later.matchers.some((given) => implies(given, wanted)))
}

function implies(given: Matcher, wanted: Matcher): boolean {
  if (given.name !== wanted.name) return false
  if (given.operator === wanted.operator && given.value === wanted.value) return true
  if (given.operator === '=') return matchesValue(given.value, wanted.operator, wanted.value) === true
  // `a|b|c` are as many values; of other expressions nothing is claimed.
  if (given.operator !== '=~' || !/^[\w\- |]+$/.test(given.value)) return false
  return given.value.split('|').every((value) => matchesValue(value, wanted.operator, wanted.value) === true)
}

function describe({ matchers }: Route): string {
  if (matchers.length === 0) return 'everything'
  return `{${matchers.map(({ name, operator, value }) => `${name}${operator}"${value}"`).join(', ')}}`
}
