/**
 * Threads that do jobs one after the other, for commands that ask more of a drill than its result. A job whose thread dies
 * or falls silent fails; the others go on. Threads stay, so that what they have loaded serves the next job.
 */
import { Worker } from 'node:worker_threads'
import type { DrillSetup } from '../drill/drill-setup.ts'
import type { DrillJob, DrillJobResult, FromJobWorker } from './drill-jobs.ts'

export interface JobPoolOptions {
  readonly module: WebAssembly.Module
  readonly setup: DrillSetup
  readonly workers: number
  /** A thread that says nothing for so long is ended. */
  readonly silentMsMax?: number
}

const silentMsDefault = 120_000
/** WebAssembly memory never shrinks: a thread is replaced after so many jobs. */
const jobsPerWorker = 150
/** Of a thread. Deeply nested expressions need more than Node's 4 MB. */
const stackSizeMb = 16

interface Waiting {
  readonly job: DrillJob
  readonly onProgress: ((virtualMs: number) => void) | undefined
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  current: Waiting | undefined
  done: number
  timer: NodeJS.Timeout | undefined
}

export class JobPool {
  readonly #options: JobPoolOptions
  readonly #waiting: Waiting[] = []
  readonly #threads = new Set<Thread>()
  #stopped = false

  constructor(options: JobPoolOptions) {
    this.#options = options
  }

  /** Does a job as soon as a thread is free, in the order of the calls. @throws Error when it could not be done */
  do<Job extends DrillJob>(job: Job, onProgress?: (virtualMs: number) => void): Promise<DrillJobResult<Job>> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) {
        reject(new InterruptedError())
        return
      }
      this.#waiting.push({ job, onProgress, resolve, reject })
      const idle = [...this.#threads].find(({ current }) => current === undefined)
      if (idle) this.#next(idle)
      else if (this.#threads.size < this.#options.workers) this.#start()
    })
  }

  /** Ends all threads; what they were doing fails. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { reject } of this.#waiting.splice(0)) reject(new InterruptedError())
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, new InterruptedError())))
  }

  #start(): void {
    const { module, setup } = this.#options
    // Under TypeScript the worker is TypeScript too.
    const file = new URL(import.meta.url.endsWith('.ts') ? './job-worker.ts' : './job-worker.js', import.meta.url)
    const worker = new Worker(file, { workerData: { module, setup }, resourceLimits: { stackSizeMb } })
    const thread: Thread = { worker, current: undefined, done: 0, timer: undefined }
    this.#threads.add(thread)
    this.#next(thread)
    worker.on('message', (message: FromJobWorker) => {
      if (message.type === 'alive') {
        this.#watch(thread)
        return
      }
      if (message.type === 'progress') {
        this.#watch(thread)
        thread.current?.onProgress?.(message.virtualMs)
        return
      }
      const { current } = thread
      thread.current = undefined
      if (message.type === 'result') current?.resolve(message.result as never)
      else current?.reject(new Error(message.message, { cause: message.stack }))
      this.#next(thread)
    })
    worker.on('error', (error) => void this.#end(thread, error))
    worker.on('exit', () => void this.#end(thread, new Error('the thread ended by itself')))
  }

  #next(thread: Thread): void {
    clearTimeout(thread.timer)
    if (thread.done >= jobsPerWorker) {
      void this.#end(thread, new Error('the thread was ended'))
      return
    }
    const waiting = this.#waiting.shift()
    if (!waiting) return
    thread.current = waiting
    thread.done += 1
    this.#watch(thread)
    thread.worker.postMessage(waiting.job)
  }

  #watch(thread: Thread): void {
    clearTimeout(thread.timer)
    const silentMs = this.#options.silentMsMax ?? silentMsDefault
    thread.timer = setTimeout(() => {
      void this.#end(thread, new Error(`no sign of life for ${silentMs / 1000} s; the drill was ended`))
    }, silentMs)
  }

  async #end(thread: Thread, error: Error): Promise<void> {
    if (!this.#threads.delete(thread)) return
    clearTimeout(thread.timer)
    const { current } = thread
    thread.current = undefined
    await thread.worker.terminate()
    current?.reject(error)
    if (this.#waiting.length > 0 && !this.#stopped) this.#start()
  }
}

/** The user has had enough. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'

  constructor() {
    super('interrupted')
  }
}
