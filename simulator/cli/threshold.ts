/** `firedrill threshold`: the smallest fault that fires a rule, and what its expression reads there. */
import type { Command } from 'commander'
import type { Rule } from '../alerts/load-rules.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { formatDuration } from '../expectations/clock-text.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import type { Drill } from '../scenario/scenario.ts'
import { formatKnob, type Knob } from '../threshold/knobs.ts'
import {
  drillsFor,
  measureThreshold,
  type ThresholdMeasurement,
  thresholdKnob,
} from '../threshold/measure-threshold.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start, wholeNumber } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, type SetUp, type SetUpOptions, setUp } from './set-up.ts'
import { withJobPool } from './with-job-pool.ts'

export interface ThresholdOptions extends SetUpOptions {
  readonly scenario?: string
  readonly knob?: string
  readonly tolerance: number
  readonly seed?: number
  readonly json: boolean
  readonly workers?: number
}

/** Defines the command on the command line. */
export function addThresholdCommand(program: Command, start: Start): void {
  program
    .command('threshold')
    .description('find the smallest fault that fires a rule, by turning the fault of a scenario')
    .argument('<rule>', 'name of an alert')
    .option(
      '--scenario <scenario>',
      'the scenario to turn (default: the one with the fewest faults that fires the rule)',
    )
    .option('--knob <event.parameter>', "what to turn (default: the fault's own number, or how long it lasts)")
    .option('--tolerance <percent>', 'width of the answer, relative to the fault of the scenario', positiveNumber, 1)
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill threshold HighErrorRate                         how many errors it takes
  $ firedrill threshold ServiceDown                           how long the service must be down
  $ firedrill threshold HighErrorRate --knob errors.hold      how long the errors must last`,
    )
    .action((rule: string, options: ThresholdOptions) => start((context) => thresholdCommand(rule, options, context)))
}

/** @returns the exit code */
export async function thresholdCommand(
  alertname: string,
  options: ThresholdOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const set = await setUp(options, context)
  const chosen = choose(alertname, options, set, context)
  if (typeof chosen === 'number') return chosen
  const { rule, drill, knob } = chosen
  const workers = options.workers ?? context.cores
  return withJobPool(set, workers, context, async (pool) => {
    const measured = await measureThreshold(
      rule,
      drill,
      knob,
      {
        probe: (probed, probe) => pool.do({ type: 'probe', drill: probed, probe }),
        parallel: workers,
        onProgress: ({ probes, weakest, strongest }) => {
          const show = (value: number | undefined) => (value === undefined ? '?' : formatKnob(value, knob.unit))
          console.progress(
            `${knob.event}.${knob.parameter}: silent at ${show(strongest)}, fires at ${show(weakest)} (${probes} drills)`,
          )
        },
      },
      { tolerance: options.tolerance / 100 },
    )
    console.progress('')
    if (options.json) console.out(JSON.stringify({ format: 1, ...measured }, undefined, 2))
    else for (const line of describeThreshold(measured)) console.out(line)
    return exitCodes.held.code
  })
}

function choose(
  alertname: string,
  options: ThresholdOptions,
  set: SetUp,
  context: CommandContext,
): { rule: Rule; drill: Drill; knob: Knob } | number {
  const { console } = context
  const invalid = (message: string) => {
    console.err(message)
    return exitCodes.invalid.code
  }
  const names = options.scenario === undefined ? [] : [options.scenario]
  const folder = scenariosFolder(context.cwd)
  const selected = selectDrills(
    { names, all: names.length === 0, tags: [], twins: names.length > 0 },
    folder,
    undefined,
  )
  const problems = [...set.problems, ...selected.problems]
  if (problems.length > 0) {
    printProblems(problems, context)
    return exitCodes.invalid.code
  }
  if (selected.unknown.length > 0) return invalid(`no scenario is called "${options.scenario}"`)
  const { groups, alerts } = set.loaded!
  const rule = groups.flatMap(({ rules }) => rules).find(({ name, kind }) => kind === 'alerting' && name === alertname)
  if (!rule) {
    const nearest = nearestOf(alertname, alerts)
    return invalid(`no rule has the alert "${alertname}"${nearest ? ` (did you mean "${nearest}"?)` : ''}`)
  }
  const seeded = selected.drills.map((drill) => ({ ...drill, seed: options.seed ?? drill.seed }))
  // Alone, a twin is turned as well; among all, the scenarios are enough.
  const wanted = options.scenario?.includes('/') ? seeded : seeded.filter(({ twin }) => twin === undefined)
  const drill = options.scenario === undefined ? drillsFor(alertname, wanted)[0] : wanted[0]
  if (!drill) return invalid(`no scenario makes ${alertname} fire by a fault of its own: name one with --scenario`)
  const knob = thresholdKnob(alertname, drill, options.knob)
  if (!knob) {
    const events = drill.events.map(({ id }) => id).join(', ') || 'none'
    const what =
      options.knob === undefined
        ? `${drill.name} does not say which event makes ${alertname} fire`
        : `${drill.name} has no number ${options.knob}`
    return invalid(`${what} (its events: ${events}; name one with --knob EVENT.PARAMETER)`)
  }
  return { rule, drill, knob }
}

/** @returns lines without a line break */
export function describeThreshold(measured: ThresholdMeasurement): string[] {
  const { rule, scenario, knob, firesFrom, silentAt, readOut, readOutSilent, threshold, stated } = measured
  const name = `${knob.event}.${knob.parameter}`
  const show = (value: number) => formatKnob(value, knob.unit)
  const lines = [`${rule}, by ${name} of ${scenario} (${show(knob.current)} there)`]
  if (firesFrom === null) {
    lines.push(`  never fires: not even at ${show(measured.probes.at(-1)!.value)}`)
  } else {
    const after = measured.firesAfter
    const when = after
      ? `, ${formatDuration(after[0] * 1000)} to ${formatDuration(after[1] * 1000)} after the cause`
      : ''
    const read = readOut === null ? '' : `; the expression reads ${formatReadOut(readOut, stated)} there`
    lines.push(`  fires from ${show(firesFrom)} on${when}${read}`)
  }
  if (silentAt !== null) {
    const read = readOutSilent === null ? '' : `; the expression reaches ${formatReadOut(readOutSilent, stated)}`
    lines.push(`  silent at ${show(silentAt)}${read}`)
  } else lines.push('  fires even without the cause')
  if (threshold) {
    const text = stated ? `, its text says ${stated.text}` : ', its text names no number'
    lines.push(`  the rule says ${threshold.operator} ${threshold.value}${text}`)
  }
  if (!measured.monotone) {
    const probes = measured.probes.map(({ value, fires }) => `${show(value)} ${fires ? 'fires' : 'silent'}`)
    lines.push(`  not monotone, so there is no single smallest cause: ${probes.join(', ')}`)
  }
  return lines
}

function formatReadOut(value: number, stated: ThresholdMeasurement['stated']): string {
  return stated?.text.endsWith('%') ? `${Number((value * 100).toPrecision(3))} %` : String(Number(value.toPrecision(4)))
}
