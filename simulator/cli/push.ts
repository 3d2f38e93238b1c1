/** `firedrill run --push`: sends the signals of a drill to real servers, for history in dashboards. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../../services/runtime/duration.ts'
import type { LoadedSetup } from '../drill/drill-setup.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { drillLattice } from '../drill/simulate-drill.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { engineFacts } from '../judge/embedded/load-engine.ts'
import { placeInTime } from '../push/place-in-time.ts'
import { type PushedSignal, type PushKind, pushDrill, pushKinds } from '../push/push-drill.ts'
import type { Drill } from '../scenario/scenario.ts'
import { wallClock } from '../sinks/wall-clock.ts'
import type { CommandContext } from './context.ts'

export interface PushOptions {
  readonly push: Readonly<Partial<Record<PushKind, string>>>
  /** Unix time, milliseconds, or `now`. */
  readonly ending: number | 'now'
  /** Milliseconds. */
  readonly history?: number
  readonly openmetrics: string
  readonly json: boolean
}

/** Adds the options to `run`. */
export function addPushOptions(command: Command): Command {
  return command
    .option(
      '--push <kind=url>',
      'send the signals of one drill to a server instead of judging it: prometheus=, loki= or otlp=; repeatable',
      pushTarget,
      {},
    )
    .option(
      '--ending <time>',
      'with --push: when the drill ends, now or for example 2026-01-05T09:00:00Z',
      endingTime,
      'now',
    )
    .option('--history <duration>', 'with --push: how long it lasts in all, quiet time first, for example 7d', duration)
    .option(
      '--openmetrics <file>',
      'with --push: where samples go that Prometheus finds too old',
      'firedrill.openmetrics',
    )
}

export function isPush(options: Partial<PushOptions>): boolean {
  return Object.keys(options.push ?? {}).length > 0
}

/** @returns the exit code */
export async function pushCommand(
  drills: readonly Drill[],
  { config, groups }: LoadedSetup,
  options: PushOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  // Twins happen at the same time as their scenario, and so would any second drill.
  const drill = drills.length === 1 ? drills[0] : drills.find(({ twin }) => twin === undefined)
  if (!drill || drills.some(({ scenario }) => scenario !== drill.scenario)) {
    console.err('--push sends one drill: name one scenario, or one twin as scenario/twin')
    return exitCodes.invalid.code
  }
  const endingMs = options.ending === 'now' ? wallClock.nowMs() : options.ending
  const placed = placeInTime(drill, { endingMs, ...(options.history !== undefined && { historyMs: options.history }) })
  let interrupted = false
  context.onInterrupt(async () => {
    interrupted = true
  })
  const result = await pushDrill(placed, {
    config,
    latticeMs: drillLattice(config, groups),
    prometheusVersion: engineFacts().prometheus,
    targets: options.push,
    environment: config.externalLabels.environment ?? 'dev',
    clock: wallClock,
    openMetricsFile: resolve(context.cwd, options.openmetrics),
    folder: context.temporaryFolder(),
    onProgress: ({ virtualMs, lengthMs }) =>
      console.progress(`simulated ${formatDuration(virtualMs)} of ${formatDuration(lengthMs)}`),
    isInterrupted: () => interrupted,
  })
  console.progress('')
  if (result.problems !== undefined) {
    for (const problem of result.problems) console.err(problem)
    return interrupted ? exitCodes.interrupted.code : exitCodes.judge.code
  }
  const exitCode = interrupted
    ? exitCodes.interrupted.code
    : result.signals.every(({ ok }) => ok)
      ? exitCodes.held.code
      : exitCodes.judge.code
  const span = { from: new Date(placed.startMs).toISOString(), to: new Date(endingMs).toISOString() }
  if (options.json) {
    console.out(
      JSON.stringify({ format: 1, scenario: drill.name, ...span, signals: result.signals, exitCode }, undefined, 2),
    )
    return exitCode
  }
  console.out(`${console.paint.bold(drill.name)}   ${span.from} to ${span.to}`)
  for (const signal of result.signals) for (const line of signalLines(signal, context)) console.out(line)
  return exitCode
}

function signalLines(
  { ok, what, url, records, accounting, notes }: PushedSignal,
  { console }: CommandContext,
): string[] {
  const { generated, delivered, dropped } = accounting
  const mark = ok ? console.paint.green('✓') : console.paint.red('✗')
  const lost = Object.entries(dropped).map(([reason, count]) => `${count} dropped: ${reason}`)
  return [
    `  ${mark} ${delivered} of ${generated} ${records} to ${what}${what.includes('OpenMetrics') ? '' : ` at ${url}`}`,
    ...[...lost, ...notes].map((line) => `      ${line}`),
  ]
}

function pushTarget(text: string, before: PushOptions['push']): PushOptions['push'] {
  const [, kind, url] = /^(\w+)=(.+)$/.exec(text) ?? []
  if (!kind || !pushKinds.includes(kind as PushKind) || !URL.canParse(url!)) {
    throw new InvalidArgumentError(
      'Write for example prometheus=http://localhost:9090, loki=http://localhost:3100 or otlp=http://localhost:4318.',
    )
  }
  return { ...before, [kind]: url! }
}

function endingTime(text: string): number | 'now' {
  if (text === 'now') return text
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Write now, or a time such as 2026-01-05T09:00:00Z.')
  return ms
}

function duration(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('Write a duration such as 6h or 7d.')
  return ms
}
