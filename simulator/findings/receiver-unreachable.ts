/** A receiver to which no alert of these rules is ever sent: it was meant for something, and that goes elsewhere. */
import type { Route } from '../alertmanager/alertmanager-config.ts'
import { everyRoute } from '../alertmanager/routing.ts'
import { type AlertLabels, alertLabelsOf, canMatch } from './alert-labels.ts'
import type { FindingDefinition } from './finding.ts'

export const receiverUnreachable: FindingDefinition = {
  code: 'receiver-unreachable',
  severity: 'warning',
  title: 'a receiver that no alert reaches',
  *inFiles({ alertmanager, groups, config }) {
    if (!alertmanager) return
    const alerts = alertLabelsOf(groups, config.externalLabels)
    const reached = new Set(
      alerts.flatMap((alert) => possibleRoutes(alertmanager.root, alert).map(({ receiver }) => receiver)),
    )
    const routes = everyRoute(alertmanager.root)
    for (const { name, place } of alertmanager.receivers) {
      if (reached.has(name)) continue
      const leading = routes.filter(({ receiver }) => receiver === name)
      yield {
        where: place,
        message: `no alert reaches the receiver ${name}`,
        evidence:
          leading.length === 0
            ? 'no route names it'
            : `0 of ${alerts.length} alerts take the ${leading.length === 1 ? 'route' : 'routes'} at ${leading.map((route) => route.place).join(', ')}`,
        // A file for many rule sets has receivers for others, and a catch-all that is not needed is still right.
        severity:
          leading.length === 0 ? 'warning' : leading.some(isCatchAll) || alerts.length === 0 ? 'info' : 'warning',
      }
    }
  },
}

function isCatchAll({ matchers }: Route): boolean {
  return matchers.length === 0
}

/** The routes at which an alert may end, for all values that its unknown labels may have. */
export function possibleRoutes(route: Route, alert: AlertLabels): Route[] {
  if (canMatch(alert, route.matchers) === false) return []
  const found: Route[] = []
  for (const child of route.routes) {
    found.push(...possibleRoutes(child, alert))
    // Only what surely stops here hides the routes behind it.
    if (!child.continue && canMatch(alert, child.matchers) === true) return found
  }
  const stays = !route.routes.some((child) => canMatch(alert, child.matchers) === true)
  return stays ? [...found, route] : found
}
