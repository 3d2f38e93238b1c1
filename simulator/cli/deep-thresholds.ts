/** What `--deep` measures of each rule: the smallest fault that fires it. What is found goes to the drill that was turned. */
import type { DrillResult } from '../drill/drill-result.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { isDeep } from '../findings/deep-drills.ts'
import { thresholdFar } from '../findings/threshold-far.ts'
import type { Drill } from '../scenario/scenario.ts'
import { drillsFor, measureThreshold, thresholdKnob } from '../threshold/measure-threshold.ts'
import type { CommandContext } from './context.ts'
import type { SetUp } from './set-up.ts'
import { withJobPool } from './with-job-pool.ts'

/**
 * @param drills that ran, with their results in the same order
 * @param whole all drills of the run: a rule is measured by one of them, so that each shard measures its own
 * @returns the results with what was found, or an exit code when it was interrupted
 */
export async function withMeasuredThresholds(
  drills: readonly Drill[],
  results: readonly DrillResult[],
  whole: readonly Drill[],
  set: SetUp,
  workers: number | undefined,
  context: CommandContext,
): Promise<DrillResult[] | number> {
  const { console } = context
  const measured = new Map(results.map((result, i) => [drills[i]!.name, result]))
  const rules = set.loaded!.groups.flatMap((group) => group.rules).filter(({ kind }) => kind === 'alerting')
  const code = await withJobPool(set, workers, context, async (pool) => {
    for (const rule of rules) {
      const drill = drillsFor(
        rule.name,
        whole.filter(({ name }) => !isDeep(name)),
      )[0]
      const before = drill && measured.get(drill.name)
      const knob = drill && thresholdKnob(rule.name, drill)
      if (!before || !knob || knob.parameter === 'hold') continue
      const measurement = await measureThreshold(rule, drill, knob, {
        probe: (probed, probe) => pool.do({ type: 'probe', drill: probed, probe }),
        parallel: workers ?? context.cores,
        onProgress: ({ probes }) => console.progress(`threshold of ${rule.name}: ${probes} drills`),
      })
      const finding = thresholdFar(measurement, rule.place)
      if (finding) measured.set(drill.name, { ...before, findings: [...before.findings, finding] })
    }
    return exitCodes.held.code
  })
  return code === exitCodes.held.code ? drills.map(({ name }) => measured.get(name)!) : code
}
