/**
 * One scenario of 75 minutes at 40 requests a second, start of Prometheus included, against what others take for less: the
 * same remote-write bodies without a simulation, `promtool test rules` on the same series and rules, the other judge.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import { startPrivatePrometheus } from '../../simulator/judge/prometheus/private-prometheus.ts'
import { drillOf, promtoolTest, runBy, simulate } from './bench-drills.ts'
import type { Bench, Comparison, Figure } from './figure.ts'
import { timed } from './figure.ts'

const minutes = 75
const sampleS = 15
/** promtool takes minutes for many series; it is given some, and its time is scaled. */
const seriesMax = 100

export const drillFigure: Figure = {
  name: 'drill',
  title: `one scenario of ${minutes} minutes at 40 requests/s, start of the judge included`,
  async measure(bench) {
    const drill = drillOf('kafka-lag-spike', minutes)
    await runBy('embedded', drillOf('kafka-lag-spike', 30), bench)
    const batches: (readonly SeriesSamples[])[] = []
    await simulate(drill, bench, (batch) => batches.push(batch))
    const embedded = await timed(() => runBy('embedded', drill, bench))
    const byServer = bench.prometheus ? await timed(() => runBy('prometheus', drill, bench)) : undefined
    const seconds = byServer?.seconds ?? embedded.seconds
    return {
      value: seconds,
      unit: byServer ? 's with a private Prometheus' : 's with the embedded judge',
      target: { most: 4 },
      comparisons: [
        ...(byServer
          ? [
              { to: 'the same drill with the embedded judge', ratio: seconds / embedded.seconds },
              {
                to: 'the same remote-write bodies into a private Prometheus, not simulated',
                ratio: seconds / (await replay(batches, bench)),
              },
            ]
          : [{ to: 'a private Prometheus: prometheus is not installed', ratio: undefined }]),
        await againstPromtool(seconds, batches, bench),
      ],
      profile: 'node --cpu-prof dist/test/bench/main.js --only drill',
    }
  },
}

/** @returns seconds */
async function replay(batches: readonly (readonly SeriesSamples[])[], bench: Bench): Promise<number> {
  const { seconds } = await timed(async () => {
    const judge = await startPrivatePrometheus({
      binary: bench.prometheus!,
      temporaryFolder: bench.folder,
      engine: bench.engine,
    })
    for (const batch of batches) await judge.append(batch)
    await judge.close()
  })
  return seconds
}

/** promtool knows no offsets: samples are laid on its grid, and all groups run at its one interval. */
async function againstPromtool(
  seconds: number,
  batches: readonly (readonly SeriesSamples[])[],
  { promtool, folder, groups }: Bench,
): Promise<Comparison> {
  if (!promtool) return { to: 'promtool test rules: promtool is not installed', ratio: undefined }
  const all = onGrid(batches)
  const some = all.filter((_, i) => i % Math.ceil(all.length / seriesMax) === 0)
  const file = join(folder, 'bench.test.yml')
  const evaluationS = Math.min(...groups.map(({ intervalMs }) => intervalMs)) / 1000
  writeFileSync(
    file,
    stringify({
      rule_files: [...new Set(groups.map((group) => group.file))],
      evaluation_interval: `${evaluationS}s`,
      tests: [
        {
          interval: `${sampleS}s`,
          input_series: some,
          promql_expr_test: [
            { expr: 'vector(1)', eval_time: `${minutes}m`, exp_samples: [{ labels: '{}', value: 1 }] },
          ],
        },
      ],
    }),
  )
  const whole = await timed(() => promtoolTest(promtool, file))
  const scaled = (whole.seconds * all.length) / some.length
  const share = some.length < all.length ? `${some.length} of the ${all.length} series, scaled` : `${all.length} series`
  return { to: `promtool test rules, ${share}`, ratio: seconds / scaled }
}

function onGrid(batches: readonly (readonly SeriesSamples[])[]): { series: string; values: string }[] {
  const length = (minutes * 60) / sampleS
  const rows = new Map<string, string[]>()
  const startMs = Math.min(...batches.flat().map(({ timesMs }) => timesMs[0] ?? Number.POSITIVE_INFINITY))
  for (const { labels, timesMs, values, stale } of batches.flat()) {
    const { __name__: name, ...rest } = labels
    const series = `${name}{${Object.entries(rest)
      .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      .join(',')}}`
    const row = rows.get(series) ?? Array.from({ length }, () => '_')
    rows.set(series, row)
    for (let i = 0; i < timesMs.length; i += 1) {
      const at = Math.floor((timesMs[i]! - startMs) / (sampleS * 1000))
      if (at < length) row[at] = stale.includes(i) ? 'stale' : String(values[i])
    }
  }
  return [...rows].map(([series, row]) => ({ series, values: row.join(' ') }))
}
