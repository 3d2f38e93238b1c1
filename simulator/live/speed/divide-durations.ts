/** Divides the durations of an expression by the speed, through the syntax tree of PromQL, never by regular expressions. */
import { parser } from '@prometheus-io/lezer-promql'

/** @param parseDuration of Prometheus: `1h30m` to milliseconds */
export function divideDurations(expression: string, speed: number, parseDuration: (text: string) => number): string {
  const edits: { from: number; to: number; text: string }[] = []
  parser.parse(expression).iterate({
    enter({ name, from, to }) {
      if (name !== 'NumberDurationLiteralInDurationContext') return
      const written = expression.slice(from, to)
      // A bare number counts seconds.
      const ms = /^[\d.]+$/.test(written) ? Number(written) * 1000 : parseDuration(written)
      edits.push({ from, to, text: divided(ms, speed) })
    },
  })
  let result = expression
  for (const { from, to, text } of edits.reverse()) result = result.slice(0, from) + text + result.slice(to)
  return result
}

/** A duration as Prometheus writes it. It knows nothing shorter than a millisecond. */
export function divided(ms: number, speed: number): string {
  if (ms === 0) return '0s'
  return `${Math.max(1, Math.round(ms / speed))}ms`
}
