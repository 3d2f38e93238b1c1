/** Runs the compiled command line in a process of its own, in a temporary folder of its own that shows what is left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from './built-command.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What is left in the temporary folder. */
  readonly left: readonly string[]
  /** Processes that have the temporary folder on their command line and still run. */
  readonly orphans: readonly number[]
}

export interface Running {
  readonly child: ChildProcess
  readonly temporaryFolder: string
  /** Process ids of servers that were started for this run. */
  servers(): number[]
  readonly ended: Promise<Ended>
}

export interface RunOptions {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** Ends a run that a failed test may have left, with the servers that it has started. */
export async function killRun(run: Running | undefined): Promise<void> {
  run?.child.kill('SIGKILL')
  for (const pid of run?.servers() ?? []) process.kill(pid, 'SIGKILL')
  await run?.ended
}

export async function firedrill(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return (await startFiredrill(args, options)).ended
}

export async function startFiredrill(args: readonly string[], options: RunOptions = {}): Promise<Running> {
  const command = await builtCommand()
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-cli-'))
  const temporaryFolder = join(folder, 'tmp')
  mkdirSync(temporaryFolder)
  const child = spawn(process.execPath, [command, ...args], {
    cwd: options.cwd ?? packageRoot(),
    env: { ...process.env, NO_COLOR: '1', TMPDIR: temporaryFolder, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const servers = () => processesNaming(temporaryFolder)
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', async (code) => {
      // A process that was killed needs a moment to be gone.
      for (let i = 0; i < 20 && servers().length > 0; i += 1) await setTimeout(100)
      const left = readdirSync(temporaryFolder, { recursive: true, encoding: 'utf8' })
      const orphans = servers()
      for (const pid of orphans) process.kill(pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
      resolve({ code, stdout, stderr, left, orphans })
    })
  })
  return { child, temporaryFolder, servers, ended }
}

/** Processes that have this text on their command line. Linux only; elsewhere there is no such list, and nothing is found. */
export function processesNaming(text: string): number[] {
  let pids: string[]
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
  return pids.flatMap((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) ? Number(pid) : []
    } catch {
      return []
    }
  })
}

/** @throws when it does not become true in time */
export async function until(what: string, isTrue: () => boolean, ms = 180_000): Promise<void> {
  for (const startedMs = performance.now(); !isTrue(); ) {
    if (performance.now() - startedMs > ms) throw new Error(`not within ${ms / 1000} s: ${what}`)
    await setTimeout(50)
  }
}
