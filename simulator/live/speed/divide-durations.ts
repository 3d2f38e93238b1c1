/** Divides the durations of an expression by the speed, through the syntax tree of PromQL, never by regular expressions. */
import { durationPlaces, textAt } from '../../alerts/expression-tree.ts'

/** @param parseDuration of Prometheus: `1h30m` to milliseconds */
export function divideDurations(expression: string, speed: number, parseDuration: (text: string) => number): string {
  let result = expression
  for (const place of durationPlaces(expression).reverse()) {
    const written = textAt(expression, place)
    // A bare number counts seconds.
    const ms = /^[\d.]+$/.test(written) ? Number(written) * 1000 : parseDuration(written)
    result = result.slice(0, place.from) + divided(ms, speed) + result.slice(place.to)
  }
  return result
}

/** A duration as Prometheus writes it. It knows nothing shorter than a millisecond. */
export function divided(ms: number, speed: number): string {
  if (ms === 0) return '0s'
  return `${Math.max(1, Math.round(ms / speed))}ms`
}
