/** Who is told of an alert, and whether another one silences it. Sources: Alertmanager dispatch/route.go, inhibit/inhibit.go. */
import { matches } from '../alerts/selector-match.ts'
import type { Labels } from '../judge/judge.ts'
import type { Alertmanager, Inhibition, Route } from './alertmanager-config.ts'

/** Names of the receivers, in the order of the routes, each once. */
export function receiversOf(alertmanager: Alertmanager, labels: Labels): string[] {
  return [...new Set(routesOf(alertmanager.root, labels).map(({ receiver }) => receiver))]
}

/** The routes at which an alert ends. */
export function routesOf(route: Route, labels: Labels): Route[] {
  if (matches(labels, route.matchers) !== true) return []
  const found: Route[] = []
  for (const child of route.routes) {
    const below = routesOf(child, labels)
    found.push(...below)
    if (below.length > 0 && !child.continue) break
  }
  return found.length > 0 ? found : [route]
}

/** Whether the alert with `source` silences the one with `target` while both fire. */
export function inhibits({ source, target, equal }: Inhibition, sourceLabels: Labels, targetLabels: Labels): boolean {
  if (matches(sourceLabels, source) !== true || matches(targetLabels, target) !== true) return false
  // An alert that is on both sides is not silenced by another one that is on both sides: they would silence each other.
  if (matches(targetLabels, source) === true && matches(sourceLabels, target) === true) return false
  return equal.every((name) => (sourceLabels[name] ?? '') === (targetLabels[name] ?? ''))
}

export function everyRoute(route: Route): Route[] {
  return [route, ...route.routes.flatMap(everyRoute)]
}
