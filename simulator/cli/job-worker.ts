/** Does jobs with drills in a thread of its own; see drill-jobs.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import type { DrillEvidence } from '../drill/drill-evidence.ts'
import { type DrillSetup, loadSetup } from '../drill/drill-setup.ts'
import { exportDrill } from '../export/export-drill.ts'
import { startEngine } from '../judge/embedded/load-engine.ts'
import { JudgeError } from '../judge/judge.ts'
import { judgeMutants } from '../score/judge-mutants.ts'
import { recordForScore } from '../score/record-drills.ts'
import { probeDrill } from '../threshold/probe-drill.ts'
import { type KeepOptions, type KeptDrill, keepDrill } from '../watch/keep-drill.ts'
import type { DrillJob, FromJobWorker, KeepJob } from './drill-jobs.ts'
import { writeDrillPage } from './drill-page-file.ts'

const { module, setup } = workerData as { module: WebAssembly.Module; setup: DrillSetup }
const port = parentPort!
const send = (message: FromJobWorker) => port.postMessage(message)

const engine = await startEngine(module, setup.known)
const { loaded, problems } = loadSetup(setup, engine)
if (!loaded) throw new Error(`the set-up changed while it was read: ${problems[0]?.message}`)
const tools = {
  ...loaded,
  engine,
  wallClock: () => performance.now(),
  onProgress: ({ virtualMs }: { virtualMs: number }) => send({ type: 'progress', virtualMs }),
}

function execute(job: DrillJob): Promise<unknown> {
  switch (job.type) {
    case 'record':
      return recordForScore(job.drills, job.folder, job.alerts, tools)
    case 'mutants':
      return judgeMutants(job.records, job.mutants, tools)
    case 'export': {
      const { temporaryFolder } = setup
      return exportDrill(job.drill, job.folder, job.gridMs, { ...tools, temporaryFolder, version: job.version })
    }
    case 'keep':
      return keep(job)
    case 'probe':
      return probeDrill(job.drill, job.probe, { ...tools, temporaryFolder: setup.temporaryFolder })
  }
}

let revision: number | undefined
let watched: KeepOptions | undefined

/** Files change between the jobs of a watch, and with them rules, dashboards and scrape config. */
async function keep({ drill, folder, setup: now, revision: wanted }: KeepJob): Promise<KeptDrill> {
  if (revision !== wanted || !watched) {
    const read = loadSetup(now, engine)
    if (!read.loaded) throw new Error(`the set-up changed while it was read: ${read.problems[0]?.message}`)
    revision = wanted
    const { dashboards } = read.loaded
    const inspect = (text: string) => engine.inspect(text)
    const panels = dashboards.length > 0 ? { dashboards, foreign: now.foreignDashboards, inspect } : undefined
    watched = { ...tools, ...read.loaded, panels, onActivity: () => send({ type: 'alive' }) }
  }
  const { report } = now
  let evidence: DrillEvidence | undefined
  const onEvidence = report ? (given: DrillEvidence) => (evidence = given) : undefined
  const kept = await keepDrill(drill, folder, { ...watched, onEvidence })
  if (report && evidence)
    writeDrillPage(report, { drill, result: kept.result, evidence }, engine, watched.config.externalLabels)
  return kept
}

async function run(job: DrillJob): Promise<void> {
  try {
    send({ type: 'result', result: await execute(job) })
  } catch (error) {
    const { message, stack } = error as Error
    const hint = error instanceof JudgeError ? error.hint : ''
    send({ type: 'failure', message: hint ? `${message} (${hint})` : message, stack })
  }
}

port.on('message', (job: DrillJob) => void run(job))
