/** `firedrill fault`: breaks and heals a running platform by hand, over its control port. */
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { machineTimers } from '../../services/runtime/live/live-clock.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { faults } from '../faults/index.ts'
import { controlFilePath, readControlFile } from '../live/control-file.ts'
import type { ListedFault } from '../live/fault-board.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'

interface ControlOptions {
  readonly control?: string
  readonly json: boolean
}

/** Defines the command on the command line. */
export function addFaultCommand(program: Command, start: Start): void {
  const fault = program.command('fault').description('break and heal what firedrill up has started')
  const control = '--control <file>'
  const controlHelp = 'the file that firedrill up has written (default: that of the running platform)'
  fault
    .command('inject')
    .description('begin a fault')
    .argument('<fault>', 'its name, as in scenario files')
    .argument('[parameter...]', 'key=value as in scenario files, for example target.service=ml-engine')
    .option('--severity <share>', '0 to 1, for faults that have degrees', share)
    .option('--hold <duration>', 'heals by itself after this time of the platform, for example 4m')
    .option(control, controlHelp)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill fault inject service.crash target.service=data-pipeline --hold 4m
  $ firedrill fault inject code.errors target.service=backend-api ratio=0.2
  $ firedrill fault inject code.slow target.service=ml-engine 'target.routes=["POST /recommend"]' add=2s
  $ firedrill fault inject dependency.outage target.dependency=redis

firedrill fault list --available shows the faults; docs/faults.md has the parameters of each.`,
    )
    .action((name: string, parameters: string[], options: ControlOptions & { severity?: number; hold?: string }) =>
      start((context) => injectCommand(name, parameters, options, context)),
    )
  fault
    .command('heal')
    .description('end a fault, or all')
    .argument('[id...]', 'as inject and list show it')
    .option('--all', 'every active fault', false)
    .option(control, controlHelp)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill fault heal f1
  $ firedrill fault heal --all`,
    )
    .action((ids: string[], options: ControlOptions & { all: boolean }, command: Command) => {
      if (ids.length === 0 && !options.all) command.error('name a fault, or use --all')
      return start((context) => healCommand(ids, options, context))
    })
  fault
    .command('list')
    .description('the active faults; with --available those that there are')
    .option('--available', 'every fault that can be injected', false)
    .option(control, controlHelp)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill fault list
  $ firedrill fault list --available | grep link`,
    )
    .action((options: ControlOptions & { available: boolean }) => start((context) => listCommand(options, context)))
}

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be a number, 0 to 1.')
  return value
}

async function injectCommand(
  fault: string,
  parameters: readonly string[],
  options: ControlOptions & { severity?: number; hold?: string },
  context: CommandContext,
): Promise<number> {
  const { params, problems } = readParameters(parameters)
  if (problems.length > 0) {
    for (const problem of problems) context.console.err(problem)
    return exitCodes.invalid.code
  }
  const { severity, hold } = options
  const body = { fault, params, ...(severity !== undefined && { severity }), ...(hold !== undefined && { hold }) }
  return ask<{ fault: ListedFault }>('/faults/inject', body, options, context, ({ fault: { id, description } }) => [
    `${id}  ${description}`,
  ])
}

async function healCommand(
  ids: readonly string[],
  options: ControlOptions & { all: boolean },
  context: CommandContext,
): Promise<number> {
  const bodies = options.all ? [{ all: true }] : ids.map((id) => ({ id }))
  let exitCode: number = exitCodes.held.code
  for (const body of bodies) {
    const code = await ask<{ healed: ListedFault[] }>('/faults/heal', body, options, context, ({ healed }) =>
      healed.length === 0 ? ['no fault was active'] : healed.map(({ id, fault }) => `${id}  ${fault} healed`),
    )
    exitCode = Math.max(exitCode, code)
  }
  return exitCode
}

async function listCommand(options: ControlOptions & { available: boolean }, context: CommandContext): Promise<number> {
  const { console } = context
  if (options.available) {
    const width = Math.max(...faults.map(({ name }) => name.length))
    if (options.json)
      console.out(JSON.stringify({ faults: faults.map(({ name, description }) => ({ name, description })) }))
    else for (const { name, description } of faults) console.out(`${name.padEnd(width)}  ${description}`)
    return exitCodes.held.code
  }
  return ask<{ faults: ListedFault[] }>('/faults', undefined, options, context, ({ faults: active }) =>
    active.length === 0
      ? ['no fault is active']
      : active.map(
          ({ id, fault, description, since, until }) =>
            `${id}  ${fault}: ${description}, for ${secondsFrom(since)}${until ? `, heals in ${secondsFrom(until)}` : ''}`,
        ),
  )
}

/** Of the machine; whole ones. */
function secondsFrom(time: string): string {
  return formatDuration(Math.round(Math.abs(machineTimers.nowMs() - Date.parse(time)) / 1000) * 1000)
}

/** `target.service=ml-engine ratio=0.2`: dots nest, values are JSON where they read as JSON, else text. */
export function readParameters(parameters: readonly string[]): {
  params: Record<string, unknown>
  problems: string[]
} {
  const params: Record<string, unknown> = {}
  const problems: string[] = []
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    const keys = parameter.slice(0, Math.max(0, equals)).split('.')
    if (equals < 0 || keys.some((key) => !/^\w+$/.test(key) || key === '__proto__')) {
      problems.push(`"${parameter}" is not key=value, for example target.service=ml-engine`)
      continue
    }
    let where = params
    for (const key of keys.slice(0, -1)) {
      const inner = where[key]
      where[key] = typeof inner === 'object' && inner !== null ? inner : {}
      where = where[key] as Record<string, unknown>
    }
    where[keys.at(-1)!] = readValue(parameter.slice(equals + 1))
  }
  return { params, problems }
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Control {
  readonly address: string
  readonly token: string
}

/** Where the platform listens: named by variables (in containers), else by the file of this user's platform. */
function findControl(options: ControlOptions, context: CommandContext): Control | undefined {
  const { FIREDRILL_CONTROL: address, FIREDRILL_CONTROL_TOKEN_FILE: tokenFile } = context.environment
  if (options.control === undefined && address && tokenFile) {
    return { address, token: readFileSync(tokenFile, 'utf8').trim() }
  }
  return readControlFile(options.control ?? controlFilePath(context.environment))
}

async function ask<Answer>(
  path: string,
  body: unknown,
  options: ControlOptions,
  context: CommandContext,
  linesOf: (answer: Answer) => string[],
): Promise<number> {
  const { console } = context
  let control: Control | undefined
  try {
    control = findControl(options, context)
  } catch (error) {
    console.err((error as Error).message)
    return exitCodes.invalid.code
  }
  if (!control) {
    const where = options.control === undefined ? 'no platform runs here' : `there is no file ${options.control}`
    console.err(`${where}: start a platform with firedrill up`)
    return exitCodes.judge.code
  }
  let response: Response
  try {
    response = await fetch(`http://${control.address}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${control.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
  } catch {
    console.err(`the platform does not answer on ${control.address}: has it ended?`)
    return exitCodes.judge.code
  }
  const answer = (await response.json()) as Answer & { error?: string }
  if (!response.ok) {
    console.err(answer.error ?? `the control port answered ${response.status}`)
    return exitCodes.invalid.code
  }
  if (options.json) console.out(JSON.stringify(answer))
  else for (const line of linesOf(answer)) console.out(line)
  return exitCodes.held.code
}
