/** Scrapes made-up targets by a prometheus.yml given as text, in virtual time, and gives what was stored. */
import { createRng } from '../../services/runtime/rng.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import { Kernel } from '../../simulator/kernel/kernel.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import type { ObserveEvent } from '../../simulator/scenario/scenario.ts'
import { loadPrometheusConfig, type PrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'
import { SampleLog } from '../../simulator/scrape/sample-log.ts'
import { Scraper, type TargetReading } from '../../simulator/scrape/scraper.ts'
import { testEngine } from '../drill/run-scenario.ts'

/** One line of an exposition: name, labels, value. */
export type Line = readonly [name: string, labels: Readonly<Record<string, string>>, value: number]

export interface Scraped {
  readonly series: readonly SeriesSamples[]
  readonly dropped: Readonly<Record<string, number>>
  readonly accounting: SampleLog['accounting']
  explain(metric: string): string
}

export interface Scrape {
  readonly config: string
  /** What the target shows at its n-th scrape, or how the scrape fails; after how many milliseconds. */
  readonly target: (
    n: number,
    address: string,
  ) => readonly Line[] | { readonly error: string; readonly afterMs: number }
  readonly seconds?: number
  readonly majorVersion?: 2 | 3
  readonly observe?: readonly ObserveEvent[]
}

export async function configOf(text: string): Promise<{ config: PrometheusConfig | undefined; problems: string[] }> {
  const files = { read: () => Buffer.from(text), list: () => [] }
  const { config, problems } = loadPrometheusConfig('prometheus.yml', {
    engine: await testEngine(),
    environment: { REGION: 'eu' },
    files,
  })
  return { config, problems: problems.map(formatProblem) }
}

export async function scrape({
  config: text,
  target,
  seconds = 60,
  majorVersion = 3,
  observe = [],
}: Scrape): Promise<Scraped> {
  const { config, problems } = await configOf(text)
  if (!config) throw new Error(problems.join('\n'))
  const kernel = new Kernel()
  const log = new SampleLog(() => true)
  const counts = new Map<string, number>()
  const scraper = new Scraper({
    config,
    clock: { nowMs: () => kernel.nowMs, sleep: (ms) => kernel.sleep(ms) },
    rng: createRng(42, 'scrape'),
    latticeMs: 15_000,
    startMs: 0,
    log,
    observe,
    majorVersion,
    reader: {
      async read({ address }, timeoutMs): Promise<TargetReading> {
        const n = counts.get(address) ?? 0
        counts.set(address, n + 1)
        const shown = target(n, address)
        if ('error' in shown) {
          await kernel.sleep(Math.min(shown.afterMs, timeoutMs))
          const error = shown.afterMs >= timeoutMs ? 'context deadline exceeded' : shown.error
          return { ok: false, error, durationMs: Math.min(shown.afterMs, timeoutMs) }
        }
        const names = [...new Set(shown.map(([name]) => name))]
        const families = names.map((name) => ({
          name,
          values: shown.filter((line) => line[0] === name).map(([, labels, value]) => ({ labels, value })),
        }))
        return { ok: true, families, durationMs: 4 }
      },
    },
  })
  for (const loop of scraper.run()) kernel.spawn(loop)
  await kernel.runUntil(seconds * 1000)
  const series = log.drain()
  return {
    series,
    dropped: log.accounting.dropped,
    accounting: log.accounting,
    explain: (metric) =>
      scraper.record.explainMissing(
        { selector: metric, metric, matchers: [], absent: false } as never,
        log.seriesOf(metric),
      ),
  }
}

/** Label sets of the stored series of a metric, without those that every series of the target has. */
export function labelsOf({ series }: Scraped, metric: string): Record<string, string>[] {
  return series
    .filter(({ labels }) => labels.__name__ === metric)
    .map(({ labels: { __name__: _, job: __, instance: ___, ...rest } }) => rest)
}

export function valuesOf({ series }: Scraped, metric: string): (number | 'stale')[] {
  return series
    .filter(({ labels }) => labels.__name__ === metric)
    .flatMap(({ values, stale }) => Array.from(values, (value, i) => (stale.includes(i) ? 'stale' : value)))
}
