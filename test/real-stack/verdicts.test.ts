/** The embedded judge, a server of the same version and an older one, over every shipped drill: the same verdicts and texts. */
import { describe, expect, test } from 'vitest'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import { startPrivatePrometheus } from '../../simulator/judge/prometheus/private-prometheus.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { onPath } from '../../tools/real-stack/servers.mjs'
import { runShipped, shippedDrill, shippedSetup, testEngine } from '../drill/run-scenario.ts'
import { currentPrometheus, whyMissing } from './servers.ts'

const reason =
  whyMissing('prometheus') ?? (onPath('prometheus') ? undefined : 'no prometheus on the PATH (./bootstrap)')

/** Every shipped scenario but the long ones; its twins ask the same rules and are left to the embedded judge alone. */
const scenarios = fileSource
  .list(`${packageRoot()}/scenarios`)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace(/\.yaml$/, ''))
  .filter((name) => !shippedDrill(name).tags.includes('long'))

/** Three runs of a drill on a busy machine; the longest one covers hours. */
const timeoutMs = 900_000

describe.skipIf(reason)(`three judges${reason ? ` (skipped: ${reason})` : ''}`, () => {
  test.each(scenarios)(
    'give the same verdicts and texts for %s',
    async (name) => {
      const [debian, current] = [await run(name, 'prometheus'), await run(name, currentPrometheus)]
      const embedded = await runShipped(shippedDrill(name), await shippedSetup())
      expect(debian.judge.version).toMatch(/^2\./)
      expect(current.judge.version).toBe(embedded.judge.version)
      // The same version of Prometheus: everything is equal, times and values included.
      expect(withoutJudge(embedded)).toEqual(withoutJudge(current))
      expect(essence(embedded)).toEqual(essence(debian))
    },
    timeoutMs,
  )
})

function withoutJudge({ judge: _, wallSeconds: __, ...result }: DrillResult) {
  return result
}

async function run(name: string, binary: string): Promise<DrillResult> {
  const engine = await testEngine()
  return runShipped(shippedDrill(name), await shippedSetup(), {
    createJudge: () => startPrivatePrometheus({ binary, engine, temporaryFolder: process.env.TMPDIR ?? '/tmp' }),
  })
}

/** What a person would act on; values in texts may differ in the last digits that a range holds one sample more or less. */
function essence({ verdict, alerts }: DrillResult) {
  return {
    verdict,
    alerts: alerts.map(({ alertname, expected, ok, text, firingAt, resolvedAt, instances }) => ({
      alertname,
      expected,
      ok,
      text,
      fired: firingAt !== null,
      resolved: resolvedAt !== null,
      labels: instances
        .filter(({ episodes }) => episodes.some((episode) => episode.firingAt !== null))
        .map(({ labels }) => labels),
    })),
  }
}
