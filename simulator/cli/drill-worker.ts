/** Runs drills in a thread of its own, one after the other: a drill can be ended from outside, and cores are used. */
import { parentPort, workerData } from 'node:worker_threads'
import type { DrillEvidence } from '../drill/drill-evidence.ts'
import type { DrillResult } from '../drill/drill-result.ts'
import { type DrillSetup, loadSetup } from '../drill/drill-setup.ts'
import { runDrill } from '../drill/run-drill.ts'
import type { Survey } from '../findings/survey.ts'
import { createEmbeddedJudge } from '../judge/embedded/embedded-judge.ts'
import { EngineLostError, startEngine } from '../judge/embedded/load-engine.ts'
import { type Judge, JudgeError, type JudgeIdentity } from '../judge/judge.ts'
import { startPrivatePrometheus } from '../judge/prometheus/private-prometheus.ts'
import type { Drill } from '../scenario/scenario.ts'
import { writeDrillPage } from './drill-page-file.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

const { module, setup } = workerData as { module: WebAssembly.Module; setup: DrillSetup }
const port = parentPort!
const send = (message: FromWorker) => port.postMessage(message)

const engine = await startEngine(module, setup.known)
const { loaded, problems } = loadSetup(setup, engine)
if (!loaded) throw new Error(`the set-up changed while it was read: ${problems[0]?.message}`)

const { dashboards } = loaded
const panels =
  dashboards.length > 0
    ? { dashboards, foreign: setup.foreignDashboards, inspect: (text: string) => engine.inspect(text) }
    : undefined

async function createJudge(kind: JudgeIdentity['kind']): Promise<Judge> {
  const settings = { evaluationIntervalMs: loaded!.config.evaluationIntervalMs }
  if (kind === 'embedded') return createEmbeddedJudge(engine, settings)
  return startPrivatePrometheus({
    binary: setup.prometheusBinary!,
    temporaryFolder: setup.temporaryFolder,
    engine,
    settings,
    onStart: (pid) => send({ type: 'child', pid, running: true }),
    onEnd: (pid) => send({ type: 'child', pid, running: false }),
  })
}

/** What was asked for beside the result: small things are sent, the page is written here. */
function hand(evidence: DrillEvidence, drill: Drill, result: DrillResult, index: number): void {
  const { explain, report } = setup
  if (report) writeDrillPage(report, { drill, result, evidence }, engine, loaded!.config.externalLabels)
  if (explain === undefined) return
  const asked = evidence.alerts.filter(({ alertname }) => typeof explain === 'string' || explain.includes(alertname))
  send({ type: 'explained', index, alerts: asked })
}

async function run({ index, drill, judge }: ToWorker): Promise<void> {
  let evidence: DrillEvidence | undefined
  let survey: Survey | undefined
  try {
    const result = await runDrill(drill, {
      config: loaded!.config,
      groups: loaded!.groups,
      foreignRules: loaded!.foreignRules,
      panels,
      createJudge: () => createJudge(judge),
      temporaryFolder: setup.temporaryFolder,
      wallClock: () => performance.now(),
      onEvidence: setup.report || setup.explain ? (given) => (evidence = given) : undefined,
      alsoExplain: typeof setup.explain === 'object' ? setup.explain : [],
      onSurvey: (given) => (survey = given),
      onActivity: (what) => send({ type: 'activity', index, what }),
      onProgress: ({ virtualMs }) => send({ type: 'progress', index, virtualMs }),
    })
    if (evidence) hand(evidence, drill, result, index)
    send({ type: 'result', index, result: { ...result, survey }, memoryBytes: engine.memoryBytes })
  } catch (error) {
    const { message, stack } = error as Error
    const hint = error instanceof JudgeError ? error.hint : ''
    const kind = error instanceof JudgeError ? 'judge' : 'bug'
    send({
      type: 'failure',
      index,
      kind,
      message: hint ? `${message} (${hint})` : message,
      stack: stack ?? message,
      engineLost: error instanceof EngineLostError,
    })
  }
}

port.on('message', (message: ToWorker) => void run(message))
send({ type: 'ready' })
