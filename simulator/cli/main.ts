/** The command line. The only file that touches the process: arguments, streams, signals, exit. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { packageRoot } from '../package-root.ts'
import { addAgentCommand } from './agent.ts'
import { addCheckCommand } from './check.ts'
import { createConsole } from './console.ts'
import type { CommandContext } from './context.ts'
import { addCoverageCommand } from './coverage.ts'
import { addDoctorCommand } from './doctor.ts'
import { addExplainCommand } from './explain.ts'
import { addExportCommand } from './export.ts'
import { addFaultCommand } from './fault.ts'
import { addInitCommand } from './init.ts'
import { addListCommand } from './list.ts'
import { addLiveCommand } from './live.ts'
import { addMergeCommand } from './merge.ts'
import type { Start } from './options.ts'
import { addRunCommand } from './run.ts'
import { addScoreCommand } from './score.ts'
import { addSolveCommand } from './solve.ts'
import { addThresholdCommand } from './threshold.ts'
import { addUpCommand } from './up.ts'
import { addVerifyCommand } from './verify.ts'

const version = (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version

/** Parses the arguments, runs the command and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads our output may have seen enough (`firedrill list | head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.held.code)
    throw error
  })
  let exitCode: number = exitCodes.held.code
  const program = createProgram(async (run) => {
    exitCode = await run(createContext(program.opts()))
  })
  try {
    await program.parseAsync(argv as string[], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? exitCodes.held.code : exitCodes.invalid.code
    } else {
      exitCode = exitCodes.bug.code
      process.stderr.write(`firedrill has a bug: ${(error as Error).stack}\nfiredrill ${argv.join(' ')}\n`)
    }
  }
  // The engine keeps timers, so the process would not end by itself; what is written must reach its reader first.
  process.stdout.write('', () => process.exit(exitCode))
}

export function createProgram(start: Start): Command {
  const program = new Command('firedrill')
    .description('Fire drills for alerts: breaks a simulated platform and lets Prometheus say which alerts fire.')
    .version(version)
    .option('--no-color', 'no colour, also on a terminal (as NO_COLOR)')
    .option('-q, --quiet', 'no progress')
    .exitOverride()
    .showHelpAfterError('(firedrill --help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill list                              what there is to drill
  $ firedrill run service-down                  one scenario and its twins
  $ firedrill run --all --report out            everything; firedrill.json and junit.xml in out/
  $ firedrill run --all --rules 'rules/*.yml'   the same drills against your own rules

Exit codes:
${Object.values(exitCodes)
  .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)
  .join('\n')}`,
    )

  addRunCommand(program, start)
  addCheckCommand(program, start)
  addExplainCommand(program, start)
  addCoverageCommand(program, start)
  addInitCommand(program, start)
  addListCommand(program, start)
  addLiveCommand(program, start)
  addMergeCommand(program, start)
  addScoreCommand(program, start)
  addSolveCommand(program, start)
  addThresholdCommand(program, start)
  addExportCommand(program, start)
  addUpCommand(program, start)
  addAgentCommand(program, start)
  addVerifyCommand(program, start)
  addFaultCommand(program, start)
  addDoctorCommand(program, start)
  return program
}

function createContext(options: { color?: boolean; quiet?: boolean }): CommandContext {
  let folder: string | undefined
  const cleaning: (() => void)[] = []
  process.on('exit', () => {
    for (const clean of cleaning) clean()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })
  const console = createConsole(process.stdout, process.stderr, process.env, {
    color: options.color ?? true,
    quiet: options.quiet ?? false,
  })
  const stops: (() => unknown)[] = []
  let listens = false
  let asked = false
  const listen = () => {
    if (listens) return
    listens = true
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (stops.length === 0) console.err('interrupted')
        // Who asks twice does not want to wait.
        if (asked || stops.length === 0) process.exit(exitCodes.interrupted.code)
        asked = true
        for (const stop of stops) void stop()
      })
    }
  }
  return {
    console,
    cwd: process.cwd(),
    environment: process.env,
    version,
    temporaryFolder() {
      // From here on there is something to remove, also when a signal comes before anything can be stopped.
      listen()
      folder ??= mkdtempSync(join(tmpdir(), 'firedrill-'))
      return folder
    },
    onInterrupt(stop) {
      listen()
      stops.push(stop)
    },
    onExit: (clean) => cleaning.push(clean),
    wallClock: () => performance.now(),
    timeOfDay: () => new Date().toTimeString().slice(0, 8),
    cores: availableParallelism(),
    nodeVersion: process.version,
    pid: process.pid,
  }
}
