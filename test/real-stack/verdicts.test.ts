/**
 * The embedded judge, a server of the same version and an older one, over every shipped drill and twin, with all panels:
 * the same verdicts and texts. Each drill is simulated once; all three judge its record.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadDashboards } from '../../simulator/dashboards/load-dashboards.ts'
import { type DrillRecord, judgeRecord, recordDrill } from '../../simulator/drill/drill-record.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import { type JudgeDrillOptions, metricsOfDrill } from '../../simulator/drill/run-drill.ts'
import { drillLattice } from '../../simulator/drill/simulate-drill.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import type { Judge } from '../../simulator/judge/judge.ts'
import { startPrivatePrometheus } from '../../simulator/judge/prometheus/private-prometheus.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { normaliseBounds } from '../../simulator/scrape/scraper.ts'
import { onPath } from '../../tools/real-stack/servers.mjs'
import { shippedDrills, shippedSetup, testEngine } from '../drill/run-scenario.ts'
import { currentPrometheus, whyMissing } from './servers.ts'

const reason =
  whyMissing('prometheus') ?? (onPath('prometheus') ? undefined : 'no prometheus on the PATH (./bootstrap)')

/** The longest one covers a day. */
const timeoutMs = 900_000

const drills = shippedDrills().map((drill): [string, Drill] => [drill.name, drill])

describe.skipIf(reason)(`three judges${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let engine: Engine
  let options: JudgeDrillOptions

  beforeAll(async () => {
    engine = await testEngine()
    const { dashboards } = loadDashboards(
      join(packageRoot(), 'observability', 'grafana', 'dashboards'),
      engine,
      fileSource,
    )
    const panels = { dashboards, foreign: false, inspect: engine.inspect.bind(engine) }
    options = { ...(await shippedSetup()), panels, wallClock: () => 0 }
  })

  test.each(drills)(
    'give the same verdicts and texts for %s',
    async (_, drill) => {
      const folder = mkdtempSync(join(tmpdir(), 'firedrill-verdicts-'))
      try {
        const { config, groups } = options
        const exposed = await recordDrill(drill, folder, {
          config,
          latticeMs: drillLattice(config, groups),
          // Stores what targets expose as they wrote it; a server of today normalises it, here as there.
          prometheusVersion: '2.42.0',
          selects: metricsOfDrill(drill, options),
        })
        const normalised = { ...exposed.record, labels: exposed.record.labels.map(normaliseBounds) }
        const judgedBy = (judge: Promise<Judge>, record: DrillRecord) => judgeAndClose(judge, record, folder, drill)
        const [embedded, current, older] = await Promise.all([
          judgedBy(Promise.resolve(createEmbeddedJudge(engine)), normalised),
          judgedBy(server(currentPrometheus), normalised),
          judgedBy(server('prometheus'), exposed.record),
        ])
        expect(older.judge.version).toMatch(/^2\./)
        expect(current.judge.version).toBe(embedded.judge.version)
        // The same version of Prometheus: everything is equal, times and values included.
        expect(withoutJudge(embedded)).toEqual(withoutJudge(current))
        expect(essence(embedded)).toEqual(essence(older))
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
    timeoutMs,
  )

  async function judgeAndClose(judging: Promise<Judge>, record: DrillRecord, folder: string, drill: Drill) {
    const judge = await judging
    try {
      return await judgeRecord(record, folder, drill, options, judge)
    } finally {
      await judge.close()
    }
  }

  function server(binary: string): Promise<Judge> {
    return startPrivatePrometheus({ binary, engine, temporaryFolder: tmpdir() })
  }
})

function withoutJudge({ judge: _, ...result }: DrillResult) {
  return result
}

/** What a person would act on; values in texts may differ in the last digits that a range holds one sample more or less. */
function essence({ verdict, alerts, panels }: DrillResult) {
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
    panels: panels.map(({ dashboard, panel, refId, ok, points }) => ({
      dashboard,
      panel,
      refId,
      ok,
      hasData: points > 0,
    })),
  }
}
