/**
 * Runs drills on several threads, longest first, and gives the results in the order of the drills. A drill whose worker
 * dies or falls silent gets a result that says so; the others go on.
 */
import { Worker } from 'node:worker_threads'
import type { AlertEvidence } from '../drill/drill-evidence.ts'
import type { DrillResult, Verdict } from '../drill/drill-result.ts'
import type { DrillSetup } from '../drill/drill-setup.ts'
import { exitCodeOf } from '../drill/exit-codes.ts'
import type { JudgeIdentity } from '../judge/judge.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

export interface PoolOptions {
  readonly module: WebAssembly.Module
  readonly setup: DrillSetup
  readonly workers: number
  /** The judge of every drill, or of each. */
  readonly judge: JudgeIdentity | ((drill: Drill) => JudgeIdentity)
  /** A worker that says nothing for so long is ended. */
  readonly silentMsMax?: number
  readonly onProgress: (progress: PoolProgress) => void
  readonly onExplained?: (alerts: readonly AlertEvidence[]) => void
  readonly onResult?: (result: DrillResult, index: number) => void
}

export interface PoolProgress {
  readonly drillsDone: number
  readonly drills: number
  /** Over all drills. */
  readonly virtualMsDone: number
  readonly virtualMs: number
  readonly running: readonly string[]
}

const silentMsDefault = 120_000
/** WebAssembly memory never shrinks: a worker whose engine holds more than this is replaced before its next drill. */
const engineBytesMax = 160 * 1024 * 1024
/** Of a worker's thread. Deeply nested expressions need more than Node's 4 MB. */
const stackSizeMb = 16

export class WorkerPool {
  readonly #drills: readonly Drill[]
  readonly #options: PoolOptions
  readonly #results: (DrillResult | undefined)[]
  readonly #virtualMs: number[]
  readonly #waiting: number[]
  readonly #children = new Set<number>()
  readonly #workers = new Set<Worker>()
  #stopped = false

  constructor(drills: readonly Drill[], options: PoolOptions) {
    this.#drills = drills
    this.#options = options
    this.#results = drills.map(() => undefined)
    this.#virtualMs = drills.map(() => 0)
    this.#waiting = drills.map((_, i) => i).sort((a, b) => drills[b]!.lengthMs - drills[a]!.lengthMs || a - b)
  }

  async run(): Promise<DrillResult[]> {
    const count = Math.max(1, Math.min(this.#options.workers, this.#drills.length))
    await Promise.all(Array.from({ length: count }, () => this.#serve()))
    return this.#results.map(
      (result, i) => result ?? failed(this.#drills[i]!, 'interrupted', 'interrupted', this.#judgeOf(this.#drills[i]!)),
    )
  }

  /** Ends all workers and what they started; `run` then gives what there is. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting.length = 0
    await Promise.all([...this.#workers].map((worker) => worker.terminate()))
    this.killChildren()
  }

  /** Synchronous, for the last moment of the process. */
  killChildren(): void {
    for (const pid of this.#children) endProcess(pid)
    this.#children.clear()
  }

  /** One place of the pool: workers one after the other, as long as drills wait. */
  async #serve(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopped) await this.#useWorker()
  }

  #useWorker(): Promise<void> {
    const { module, setup, silentMsMax = silentMsDefault } = this.#options
    // Under TypeScript the worker is TypeScript too.
    const file = new URL(import.meta.url.endsWith('.ts') ? './drill-worker.ts' : './drill-worker.js', import.meta.url)
    const worker = new Worker(file, {
      workerData: { module, setup },
      resourceLimits: { stackSizeMb },
      execArgv: argumentsOfNode(),
    })
    this.#workers.add(worker)
    const own = new Set<number>()
    let current: number | undefined
    let doing: string | undefined
    let spent = false
    let timer: NodeJS.Timeout | undefined

    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        for (const pid of own) endProcess(pid)
        this.#workers.delete(worker)
        void worker.terminate().then(() => resolve())
      }
      const watch = () => {
        clearTimeout(timer)
        timer = setTimeout(() => {
          if (current !== undefined) {
            this.#finish(
              current,
              'judge did not answer',
              `no sign of life for ${silentMsMax / 1000} s${during(doing)}; the drill was ended`,
            )
            current = undefined
          }
          end()
        }, silentMsMax)
      }
      const next = () => {
        current = spent ? undefined : this.#waiting.shift()
        doing = undefined
        if (current === undefined) {
          end()
          return
        }
        watch()
        const drill = this.#drills[current]!
        worker.postMessage({ index: current, drill, judge: this.#judgeOf(drill).kind } satisfies ToWorker)
        this.#tell()
      }
      worker.on('message', (message: FromWorker) => {
        if (this.#stopped) return
        switch (message.type) {
          case 'ready':
            next()
            return
          case 'progress':
            watch()
            this.#virtualMs[message.index] = message.virtualMs
            this.#tell()
            return
          case 'activity':
            watch()
            doing = message.what
            return
          case 'child':
            if (message.running) {
              own.add(message.pid)
              this.#children.add(message.pid)
            } else {
              own.delete(message.pid)
              this.#children.delete(message.pid)
            }
            return
          case 'result':
            this.#store(message.index, message.result)
            spent = message.memoryBytes > engineBytesMax
            next()
            return
          case 'explained':
            this.#options.onExplained?.(message.alerts)
            return
          case 'failure':
            if (message.kind === 'judge') this.#finish(message.index, 'judge did not answer', message.message)
            else this.#finish(message.index, 'internal error', message.stack)
            spent = message.engineLost
            next()
        }
      })
      worker.on('error', (error) => {
        if (!this.#stopped) {
          // Before its first drill a worker dies for a reason that every other will die for too.
          const victims = current === undefined ? this.#waiting.splice(0) : [current]
          const cause = error.stack ?? error.message
          for (const index of victims)
            this.#finish(index, 'internal error', `the worker ended${during(doing)}: ${cause}`)
          current = undefined
        }
        end()
      })
      worker.on('exit', () => {
        if (current !== undefined && !this.#stopped && this.#results[current] === undefined) {
          this.#finish(current, 'internal error', `the worker ended by itself${during(doing)}`)
        }
        clearTimeout(timer)
        this.#workers.delete(worker)
        resolve()
      })
    })
  }

  #judgeOf(drill: Drill): JudgeIdentity {
    const { judge } = this.#options
    return typeof judge === 'function' ? judge(drill) : judge
  }

  #finish(index: number, verdict: Verdict, detail: string): void {
    this.#store(index, failed(this.#drills[index]!, verdict, detail, this.#judgeOf(this.#drills[index]!)))
  }

  #store(index: number, result: DrillResult): void {
    this.#results[index] = result
    this.#virtualMs[index] = this.#drills[index]!.lengthMs
    this.#options.onResult?.(result, index)
    this.#tell()
  }

  #tell(): void {
    const running = this.#drills.filter((_, i) => this.#results[i] === undefined && this.#virtualMs[i]! > 0)
    this.#options.onProgress({
      drillsDone: this.#results.filter((result) => result !== undefined).length,
      drills: this.#drills.length,
      virtualMsDone: this.#virtualMs.reduce((sum, ms) => sum + ms, 0),
      virtualMs: this.#drills.reduce((sum, { lengthMs }) => sum + lengthMs, 0),
      running: running.map(({ name }) => name),
    })
  }
}

/** What Node.js was started with, without what speaks of a program given as text (`node -e`): a worker is a file. */
function argumentsOfNode(): string[] {
  return process.execArgv.filter((one) => !one.startsWith('--input-type'))
}

function during(doing: string | undefined): string {
  return doing === undefined ? '' : ` while the judge was at ${doing}`
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

const nothing = { generated: 0, delivered: 0, dropped: {}, queued: 0 }

/** The result of a drill that came to no result. */
function failed(drill: Drill, verdict: Verdict, detail: string, judge: JudgeIdentity): DrillResult {
  return {
    scenario: drill.name,
    title: drill.title,
    seed: drill.seed,
    verdict,
    exitCode: exitCodeOf(verdict),
    judge,
    virtualSeconds: drill.lengthMs / 1000,
    wallSeconds: 0,
    streamHash: '',
    events: [],
    alerts: [],
    effects: [],
    steady: undefined,
    panels: [],
    logs: [],
    traces: [],
    findings: [],
    accounting: { metrics: nothing, logs: nothing, traces: nothing },
    notes: [detail],
  }
}
