/**
 * The states of the alerts of one rule, evaluation by evaluation: inactive, pending, firing. Pure: no clock, no I/O.
 * Source: Prometheus rules/alerting.go (`Eval`); `promtool test rules` is the oracle in the tests.
 */
import type { Labels } from '../judge/judge.ts'

export interface AlertTiming {
  readonly forMs: number
  readonly keepFiringForMs: number
  /** Most alerts that may be active; 0: no limit. */
  readonly limit: number
}

/** One result of the expression, with the labels of the alert that it stands for. */
export interface AlertSample {
  /** The same for the same labels after templating. */
  readonly key: string
  readonly labels: Labels
  /** Labels of the sample itself, `__name__` included. */
  readonly sampleLabels: Labels
  readonly value: number
}

export interface ActiveAlert {
  readonly labels: Labels
  readonly phase: 'pending' | 'firing'
  readonly activeAtMs: number
  /** Since when the condition is gone while `keep_firing_for` holds the alert; undefined while it is not. */
  readonly goneSinceMs: number | undefined
  readonly value: number
  readonly sampleLabels: Labels
}

export type ActiveAlerts = ReadonlyMap<string, ActiveAlert>

export interface AlertStep {
  readonly active: ActiveAlerts
  /** Keys that became firing in this evaluation. */
  readonly fired: readonly string[]
  /** Keys that became pending (or firing at once). */
  readonly started: readonly string[]
  /** Keys that are active no more. */
  readonly ended: readonly string[]
  /** Why the evaluation failed; then nothing changed, unless a limit was passed: then every alert is gone. */
  readonly error: string | undefined
}

const unchanged = { fired: [], started: [], ended: [], error: undefined } as const

export function stepAlerts(
  active: ActiveAlerts,
  samples: readonly AlertSample[],
  nowMs: number,
  { forMs, keepFiringForMs, limit }: AlertTiming,
): AlertStep {
  if (samples.length === 0 && active.size === 0) return { active, ...unchanged }
  const results = new Map<string, AlertSample>()
  for (const sample of samples) {
    if (results.has(sample.key)) {
      return {
        active,
        ...unchanged,
        error: 'vector contains metrics with the same labelset after applying alert labels',
      }
    }
    results.set(sample.key, sample)
  }

  const next = new Map<string, ActiveAlert>()
  const fired: string[] = []
  const started: string[] = []
  const ended: string[] = []
  for (const [key, alert] of active) {
    const sample = results.get(key)
    if (sample) {
      const { value, sampleLabels } = sample
      next.set(key, advance({ ...alert, value, sampleLabels, goneSinceMs: undefined }))
      continue
    }
    const goneSinceMs = alert.goneSinceMs ?? nowMs
    if (alert.phase === 'firing' && keepFiringForMs > 0 && nowMs - goneSinceMs < keepFiringForMs) {
      next.set(key, { ...alert, goneSinceMs })
    } else {
      ended.push(key)
    }
  }
  for (const [key, { labels, value, sampleLabels }] of results) {
    if (next.has(key)) continue
    started.push(key)
    next.set(key, advance({ labels, phase: 'pending', activeAtMs: nowMs, goneSinceMs: undefined, value, sampleLabels }))
  }
  for (const [key, { phase }] of next) if (phase === 'firing' && active.get(key)?.phase !== 'firing') fired.push(key)

  if (limit > 0 && next.size > limit) {
    const error = `exceeded limit of ${limit} with ${next.size} alerts`
    return { active: new Map(), fired: [], started: [], ended: [...active.keys()], error }
  }
  return { active: next, fired, started, ended, error: undefined }

  function advance(alert: ActiveAlert): ActiveAlert {
    return alert.phase === 'pending' && nowMs - alert.activeAtMs >= forMs ? { ...alert, phase: 'firing' } : alert
  }
}
