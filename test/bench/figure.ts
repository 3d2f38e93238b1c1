/** What a benchmark is: one figure, the least or the most that it should be, and what it is compared with in the same run. */
import type { RuleGroup } from '../../simulator/alerts/load-rules.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import type { PrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'

export interface Figure {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  measure(bench: Bench): Promise<Measured>
}

export interface Bench {
  readonly engine: Engine
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  /** Removed at the end. */
  readonly folder: string
  /** Undefined where it is not installed. */
  readonly prometheus: string | undefined
  readonly promtool: string | undefined
}

export interface Measured {
  readonly value: number
  readonly unit: string
  /** What is wanted on two quiet cores. */
  readonly target?: { readonly least: number } | { readonly most: number }
  readonly comparisons: readonly Comparison[]
  /** How to see where the time or memory goes. */
  readonly profile?: string
}

/** The figure divided by the same thing measured of somebody else. */
export interface Comparison {
  readonly to: string
  /** Undefined: could not be measured here, for the reason in `to`. */
  readonly ratio: number | undefined
}

export function isMissed({ value, target }: Measured): boolean {
  if (!target) return false
  return 'least' in target ? value < target.least : value > target.most
}

/**
 * Seconds that `work` takes, and what it gives: of the clock, and of the processor (all threads of this process). What never
 * waits is measured by the processor, so that other work on the machine counts less.
 */
export async function timed<T>(
  work: () => T | Promise<T>,
): Promise<{ seconds: number; processorSeconds: number; result: T }> {
  const startedMs = performance.now()
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - startedMs) / 1000, processorSeconds: (user + system) / 1e6, result }
}
