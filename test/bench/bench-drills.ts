/** The drills that figures are taken of. */
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { selectedMetrics } from '../../simulator/alerts/load-rules.ts'
import type { Dashboard } from '../../simulator/dashboards/dashboard.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { type RunDrillOptions, runDrill } from '../../simulator/drill/run-drill.ts'
import { DrillSimulation, drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import { startPrivatePrometheus } from '../../simulator/judge/prometheus/private-prometheus.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import type { Bench } from './figure.ts'

const minuteMs = 60_000

/** The shipped scenario as it is. */
export function shippedDrillOf(scenario: string): Drill {
  const folder = join(packageRoot(), 'scenarios')
  const { drills } = loadScenario(join(folder, `${scenario}.yaml`), { worldsFolder: join(folder, 'worlds') })
  return drills[0]!
}

/** The shipped scenario at 40 requests a second, stretched to a length. Its windows are not judged here, only its cost. */
export function drillOf(scenario: string, minutes: number): Drill {
  const drill = shippedDrillOf(scenario)
  const lengthMs = minutes * minuteMs
  const stage = { startMs: 0, endMs: lengthMs, fromPerSecond: 40, toPerSecond: 40, daily: 0 }
  return { ...drill, lengthMs, load: [stage] }
}

/** Only simulates and scrapes; the samples that rules select go to `take`. */
export async function simulate(
  drill: Drill,
  { config, groups, folder }: Pick<Bench, 'config' | 'groups' | 'folder'>,
  take: (batch: readonly SeriesSamples[]) => void = () => {},
): Promise<void> {
  const wanted = selectedMetrics(groups)
  const ownFolder = join(folder, 'simulated')
  mkdirSync(ownFolder, { recursive: true })
  const simulation = new DrillSimulation(drill, {
    config,
    latticeMs: drillLattice(config, groups),
    prometheusVersion: '3.0.0',
    selects: (metric) => wanted?.has(metric) ?? true,
    folder: ownFolder,
  })
  await simulation.run(async (batch) => take(batch))
  simulation.close()
}

export function runBy(
  judge: 'embedded' | 'prometheus',
  drill: Drill,
  bench: Bench & { readonly dashboards?: readonly Dashboard[] },
  more: Pick<RunDrillOptions, 'looksForFindings' | 'onSurvey'> = {},
): Promise<DrillResult> {
  const { engine, config, groups, folder } = bench
  return runDrill(drill, {
    ...more,
    config,
    groups,
    foreignRules: false,
    ...(bench.dashboards && { dashboards: bench.dashboards }),
    temporaryFolder: folder,
    wallClock: () => performance.now(),
    createJudge: async () =>
      judge === 'embedded'
        ? createEmbeddedJudge(engine)
        : startPrivatePrometheus({ binary: bench.prometheus!, temporaryFolder: folder, engine }),
  })
}

/** Lets promtool judge a test file. @returns seconds of processor time @throws when it does not pass */
export function promtoolTest(promtool: string, file: string): Promise<number> {
  const script = '"$0" test rules "$1"; code=$?; times; exit $code'
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', script, promtool, file], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`promtool: ${`${stdout}${stderr}`.slice(0, 500)}`))
      // The last line is about children: user and system time, as 1m2.5s.
      const times = stdout
        .trim()
        .split('\n')
        .at(-1)!
        .matchAll(/(\d+)m([\d.]+)s/g)
      resolve([...times].reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0))
    })
  })
}
