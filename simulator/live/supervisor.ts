/**
 * Starts, kills, freezes and ends the processes of the live platform. What dies by itself is started again, as a restart
 * policy does. The successor of a dead process loads its code at once and waits, so that a restart takes the time that
 * the scenario gives it, and not the seconds that Node needs, many times over. Nobody is left behind: our own processes end when the control port goes, the others when a pipe breaks.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { PartRunner } from './part-runner.ts'

export interface SupervisorOptions {
  readonly settingsFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /**
   * What is measured goes before the rest of the machine, where the system allows it: at a high speed a millisecond of
   * waiting counts many times.
   */
  readonly preferred: boolean
  /** After a death that nobody asked for, milliseconds of the machine. */
  readonly restartAfterMs: number
  /** A line that a process wrote, without its line break. */
  onLine(process: string, line: string, stream: 'stdout' | 'stderr'): void
  /** The process of this name may begin to work. */
  release(process: string): void
  /** The next process of this name waits with its code loaded. */
  hold(process: string): void
  /** A process ended although nobody asked for it. */
  onDeath(process: string, reason: string): void
  /** A process ended, asked for or not; comes before what follows from it. */
  onExit?(process: string, exit: ProcessExit): void
  /** How many processes there were before the first, by another supervisor. */
  readonly livesBefore?: number
}

export interface ProcessExit {
  readonly pid: number | undefined
  readonly code: number | null
  readonly signal: string | null
}

/** Where our own processes begin, by name. */
const entries: Readonly<Record<string, string>> = {
  infrastructure: './infrastructure/main',
  traffic: './traffic/main',
  'backend-api': '../../services/backend-api/main',
  'ml-engine': '../../services/ml-engine/main',
  'data-pipeline': '../../services/data-pipeline/main',
}

/**
 * Runs a server that is not ours and ends it when our end of the pipe is gone, however we died. (Node kills no
 * children when it is killed itself.)
 */
const guardScript =
  '"$@" & child=$!; trap "kill -TERM $child" TERM; read -r _; kill -TERM $child 2>/dev/null; wait $child'

const preferredPriority = -10

interface Running {
  readonly child: ChildProcess
  /** Our own end when asked; the guard of another server ends with its pipe. */
  readonly guarded: boolean
  readonly ended: Promise<void>
}

export class Supervisor implements PartRunner {
  readonly #options: SupervisorOptions
  readonly #running = new Map<string, Running>()
  readonly #lives = new Map<string, number>()
  readonly #restarts = new Map<string, NodeJS.Timeout>()
  readonly #frozen = new Set<string>()
  readonly #standby = new Set<string>()
  #stopping = false

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  isRunning(name: string): boolean {
    return this.#running.has(name) && !this.#standby.has(name)
  }

  isFrozen(name: string): boolean {
    return this.#frozen.has(name)
  }

  pidOf(name: string): number | undefined {
    return this.#running.get(name)?.child.pid
  }

  livesOf(name: string): number {
    return this.#lives.get(name) ?? this.#options.livesBefore ?? 0
  }

  prepare(name: string): void {
    if (this.#running.has(name) || this.#stopping) return
    this.#options.hold(name)
    this.#standby.add(name)
    const life = this.livesOf(name)
    this.#lives.set(name, life + 1)
    const isSource = import.meta.url.endsWith('.ts')
    const entry = fileURLToPath(new URL(`${entries[name]}.${isSource ? 'ts' : 'js'}`, import.meta.url))
    const child = spawn(
      process.execPath,
      [...(isSource ? ['--import', 'tsx'] : []), entry, this.#options.settingsFile],
      {
        // A group of its own: Ctrl-C in the terminal is for the launcher, who ends the others in order.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...this.#options.environment, FIREDRILL_LIFE: String(life), NODE_ENV: 'production' },
      },
    )
    if (this.#options.preferred && name !== 'traffic' && child.pid !== undefined) prefer(child.pid)
    this.#watch(name, child, false)
  }

  start(name: string): void {
    clearTimeout(this.#restarts.get(name))
    this.#restarts.delete(name)
    this.prepare(name)
    if (!this.#standby.delete(name)) return
    this.#options.release(name)
  }

  /** Starts a server that is not ours. */
  startForeign(name: string, binary: string, args: readonly string[]): void {
    const child = spawn('/bin/sh', ['-c', guardScript, 'guard', binary, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    if (this.#options.preferred && child.pid !== undefined) prefer(child.pid)
    this.#watch(name, child, true)
  }

  kill(name: string): void {
    clearTimeout(this.#restarts.get(name))
    this.#restarts.delete(name)
    const running = this.#running.get(name)
    if (!running || this.#standby.has(name)) return
    this.#running.delete(name)
    this.#frozen.delete(name)
    killGroup(running.child)
    if (!running.guarded) this.prepare(name)
  }

  freeze(name: string): void {
    if (this.#running.get(name)?.child.kill('SIGSTOP')) this.#frozen.add(name)
  }

  thaw(name: string): void {
    this.#frozen.delete(name)
    this.#running.get(name)?.child.kill('SIGCONT')
  }

  async stop(names: readonly string[], withinMs: number): Promise<string[]> {
    this.#stopping = true
    for (const timer of this.#restarts.values()) clearTimeout(timer)
    this.#restarts.clear()
    const late = await Promise.all(names.map((name) => this.#end(name, withinMs)))
    return late.filter((name) => name !== undefined)
  }

  killAll(): void {
    this.#stopping = true
    for (const { child } of this.#running.values()) killGroup(child)
    this.#running.clear()
  }

  get names(): string[] {
    return [...this.#running.keys()]
  }

  async #end(name: string, withinMs: number): Promise<string | undefined> {
    const running = this.#running.get(name)
    if (!running) return undefined
    const { child, guarded, ended } = running
    // What stands still can't hear.
    if (this.#frozen.has(name)) this.thaw(name)
    if (guarded) child.stdin?.end()
    else child.kill('SIGTERM')
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), withinMs)
    })
    const outcome = await Promise.race([ended, tooLate])
    clearTimeout(timer)
    if (outcome !== 'late') return undefined
    killGroup(child)
    await ended
    return name
  }

  #watch(name: string, child: ChildProcess, guarded: boolean): void {
    const ended = new Promise<void>((resolve) => {
      child.on('error', () => resolve())
      child.on('close', () => resolve())
    })
    child.stdin?.on('error', () => {})
    this.#running.set(name, { child, guarded, ended })
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]!.setEncoding('utf8')
      let rest = ''
      child[stream]!.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()!
        for (const line of lines) this.#options.onLine(name, line, stream)
      })
    }
    child.on('exit', (code, signal) => {
      this.#options.onExit?.(name, { pid: child.pid, code, signal })
      if (this.#running.get(name)?.child !== child) return
      this.#running.delete(name)
      this.#frozen.delete(name)
      if (this.#stopping) return
      this.#options.onDeath(name, signal ?? `exit code ${code}`)
      // One that can't even load would die again and again.
      if (guarded || this.#standby.delete(name)) return
      this.prepare(name)
      this.#restarts.set(
        name,
        setTimeout(() => this.start(name), this.#options.restartAfterMs),
      )
    })
  }
}

function prefer(pid: number): void {
  try {
    setPriority(pid, preferredPriority)
    // Linux weighs sessions against each other first, and each process of ours is one.
    if (existsSync(`/proc/${pid}/autogroup`)) writeFileSync(`/proc/${pid}/autogroup`, String(preferredPriority))
  } catch {
    // Only root may; then the machine must be fast enough as it is.
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}
