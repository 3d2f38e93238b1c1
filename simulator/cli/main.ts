/** The command line. The only file that touches the process: arguments, streams, signals, exit. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { packageRoot } from '../package-root.ts'
import { type CheckOptions, checkCommand } from './check.ts'
import { createConsole } from './console.ts'
import type { CommandContext } from './context.ts'
import { doctorCommand } from './doctor.ts'
import { type ListOptions, listCommand } from './list.ts'
import { type RunOptions, runCommand } from './run.ts'

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

type Start = (run: (context: CommandContext) => Promise<number>) => Promise<void>

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

  program
    .command('run')
    .description('run scenarios and say which expectations held')
    .argument('[scenario...]', 'file, name, or name/twin')
    .option('--all', 'every scenario but the long ones', false)
    .option('--tag <tag>', 'only scenarios with this tag; repeatable (long: also the long ones)', collect, [])
    .option('--no-twins', 'leave the twins out')
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--report <dir>', 'write firedrill.json and junit.xml there')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--junit <file>', 'write JUnit XML')
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addOption(
      new Option('--judge <judge>', 'who evaluates').choices(['auto', 'embedded', 'prometheus']).default('auto'),
    )
    .option('--prometheus <path>', 'the prometheus binary for --judge prometheus')
    .option('--force', 'run drills that make very many series', false)
    .addOption(
      new Option('--fail-on <severity>', 'exit 7 on a finding of this severity').choices(['info', 'warning', 'error']),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill run kafka-lag-spike               the scenario and its twins
  $ firedrill run service-down/just-below       one twin alone
  $ firedrill run --all --junit out.xml         for CI
  $ firedrill run --all --json | jq .exitCode`,
    )
    .action((names: string[], options: RunOptions) => {
      if (names.length === 0 && !options.all && options.tag.length === 0) {
        throw new CommanderError(2, 'firedrill.usage', usage(program, 'run'))
      }
      const chosen = { ...options, all: options.all || (names.length === 0 && options.tag.length > 0) }
      return start((context) => runCommand(names, chosen, context))
    })

  program
    .command('check')
    .description('only validate: what is wrong, where, and the likely meaning')
    .argument('[scenario...]', 'file or name; all when left out')
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to check')
    .option('--suggest', 'run the drills, and print the windows that rules and model give today', false)
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill check                             every scenario, the rules and the scrape config
  $ firedrill check --rules my-rules.yml        rule files, with Prometheus's own messages
  $ firedrill check service-down --suggest`,
    )
    .action((names: string[], options: CheckOptions) => start((context) => checkCommand(names, options, context)))

  program
    .command('list')
    .description('scenarios, what each breaks and proves')
    .option('--tag <tag>', 'only scenarios with this tag; repeatable', collect, [])
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText('after', '\nExamples:\n  $ firedrill list\n  $ firedrill list --tag critical --json')
    .action((options: ListOptions) => start((context) => listCommand(options, context)))

  program
    .command('doctor')
    .description('which real parts are here, which version, how to get the missing ones')
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText('after', '\nExamples:\n  $ firedrill doctor')
    .action((options: { json: boolean }) => start((context) => doctorCommand(options, context)))

  return program
}

function usage(program: Command, name: string): string {
  process.stderr.write(program.commands.find((command) => command.name() === name)!.helpInformation())
  return 'name a scenario, or use --all'
}

function createContext(options: { color?: boolean; quiet?: boolean }): CommandContext {
  let folder: string | undefined
  const cleaning: (() => void)[] = []
  process.on('exit', () => {
    for (const clean of cleaning) clean()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })
  return {
    console: createConsole(process.stdout, process.stderr, process.env, {
      color: options.color ?? true,
      quiet: options.quiet ?? false,
    }),
    cwd: process.cwd(),
    environment: process.env,
    version,
    temporaryFolder() {
      folder ??= mkdtempSync(join(tmpdir(), 'firedrill-'))
      return folder
    },
    onInterrupt(stop) {
      let asked = false
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.on(signal, () => {
          // Who asks twice does not want to wait.
          if (asked) process.exit(exitCodes.interrupted.code)
          asked = true
          void stop()
        })
      }
    },
    onExit: (clean) => cleaning.push(clean),
    wallClock: () => performance.now(),
    cores: availableParallelism(),
    nodeVersion: process.version,
  }
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number, 0 or more.')
  return value
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return value
}
