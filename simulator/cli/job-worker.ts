/** Does jobs with drills in a thread of its own; see drill-jobs.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { type DrillSetup, loadSetup } from '../drill/drill-setup.ts'
import { exportDrill } from '../export/export-drill.ts'
import { startEngine } from '../judge/embedded/load-engine.ts'
import { JudgeError } from '../judge/judge.ts'
import { judgeMutants } from '../score/judge-mutants.ts'
import { recordForScore } from '../score/record-drills.ts'
import { probeDrill } from '../threshold/probe-drill.ts'
import type { DrillJob, FromJobWorker } from './drill-jobs.ts'

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
    case 'probe':
      return probeDrill(job.drill, job.probe, { ...tools, temporaryFolder: setup.temporaryFolder })
  }
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
