/** `firedrill solve`: finds the numbers of twins again, and says which are not right any more. */
import type { Command } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import type { Drill } from '../scenario/scenario.ts'
import { formatKnob, type Knob, knobOf, turn } from '../threshold/knobs.ts'
import { reduceReadOut } from '../threshold/read-out.ts'
import { type SolvedKnob, solveKnob } from '../threshold/solve-knob.ts'
import type { CommandContext } from './context.ts'
import { positiveNumber, type Start } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import { printProblems, printUnknown, type SetUpOptions, setUp } from './set-up.ts'
import { withJobPool } from './with-job-pool.ts'

export interface SolveOptions extends SetUpOptions {
  readonly json: boolean
  readonly workers?: number
}

/** Defines the command on the command line. */
export function addSolveCommand(program: Command, start: Start): void {
  program
    .command('solve')
    .description('find the numbers of twins that say "solve", by turning their fault until the read-out is right')
    .argument('[scenario...]', 'file, name, or name/twin; all when left out')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--json', 'print one JSON object instead of text', false)
    .option('--workers <n>', 'drills at a time (default: one for each core)', positiveNumber)
    .addHelpText(
      'after',
      `
Exit code 1 when a number is not right any more.

Examples:
  $ firedrill solve                             every twin with "solve"
  $ firedrill solve disk-space-low/just-below   one of them`,
    )
    .action((names: string[], options: SolveOptions) => start((context) => solveCommand(names, options, context)))
}

type Solvable = Drill & { readonly solve: NonNullable<Drill['solve']> }

/** @returns the exit code */
export async function solveCommand(
  names: readonly string[],
  options: SolveOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const set = await setUp(options, context)
  const selection = { names, all: names.length === 0, tags: [], twins: true, long: true }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), undefined)
  const problems = [...set.problems, ...selected.problems]
  if (problems.length > 0) printProblems(problems, context)
  printUnknown(selected.unknown, context)
  const solvable = selected.drills.filter((drill): drill is Solvable => drill.solve !== undefined)
  const wrong = solvable.flatMap((drill) => complaintAbout(drill, (readout) => set.engine.inspect(readout)))
  for (const line of wrong) console.err(line)
  if (problems.length + selected.unknown.length + wrong.length > 0) return exitCodes.invalid.code
  if (solvable.length === 0) {
    console.err('no twin here says "solve"')
    return exitCodes.invalid.code
  }
  return withJobPool(set, options.workers, context, async (pool) => {
    const solved: { drill: Solvable; knob: Knob; answer: SolvedKnob }[] = []
    for (const drill of solvable) {
      const { readout, reduce, during, target, tolerance } = drill.solve
      const knob = knobOfTwin(drill)!
      const event = drill.events.find(({ id }) => id === during)
      const answer = await solveKnob({
        knob,
        target,
        tolerance,
        parallel: options.workers ?? context.cores,
        async read(value) {
          const turned = turn(drill, knob, value)
          const probe = { alertname: undefined, labels: {}, readOut: readout }
          const { readOut } = await pool.do({ type: 'probe', drill: turned, probe })
          const now = turned.events.find(({ id }) => id === during)
          return reduceReadOut(readOut, reduce, event && now && [now.startMs / 1000, now.endMs / 1000])
        },
        onProgress: (probes) => console.progress(`${drill.name}: ${probes} drills`),
      })
      console.progress('')
      solved.push({ drill, knob, answer })
      if (!options.json) for (const line of describe(drill, knob, answer)) console.out(line)
    }
    const isRight = solved.every(({ answer }) => answer.isRight)
    const exitCode = isRight ? exitCodes.held.code : exitCodes.failed.code
    if (options.json) {
      const twins = solved.map(({ drill: { name, solve }, knob, answer }) => ({ name, ...solve, knob, ...answer }))
      console.out(JSON.stringify({ format: 1, twins, exitCode }, undefined, 2))
    }
    return exitCode
  })
}

function knobOfTwin(drill: Solvable): Knob | undefined {
  const [id, parameter] = drill.solve.knob.split('.')
  const event = drill.events.find((one) => one.id === id)
  return event && knobOf(event, drill.lengthMs, parameter)
}

function complaintAbout(drill: Solvable, inspect: (readout: string) => unknown): string[] {
  const complaints: string[] = []
  if (!knobOfTwin(drill))
    complaints.push(`${drill.file}: ${drill.name}: ${drill.solve.knob} is no number that can be turned`)
  try {
    inspect(drill.solve.readout)
  } catch (error) {
    complaints.push(`${drill.file}: ${drill.name}: readout: ${(error as Error).message}`)
  }
  return complaints
}

/** @returns lines without a line break */
export function describe({ name, solve }: Solvable, knob: Knob, answer: SolvedKnob): string[] {
  const { now, isRight, value, readOut, monotone, probes } = answer
  const show = (one: number) => formatKnob(one, knob.unit)
  const number = (one: number | null) => (one === null ? 'nothing' : String(Number(one.toPrecision(4))))
  const wanted = `${solve.reduce} of ${solve.readout} should be ${solve.target}`
  const lines = [`${name}: ${solve.knob} ${show(knob.current)} gives ${number(now)}; ${wanted}`]
  if (isRight) return [...lines, '  right']
  if (value === null) {
    const range = `${show(probes[0]!.value)} to ${show(probes.at(-1)!.value)}`
    lines.push(`  no value from ${range} gives that within ${solve.tolerance * 100} %`)
  } else lines.push(`  set: { ${solve.knob}: ${show(value)} } gives ${number(readOut)}`)
  if (!monotone) {
    const all = probes.map((probe) => `${show(probe.value)} gives ${number(probe.readOut)}`)
    lines.push(`  not monotone, so that other values may give it too: ${all.join(', ')}`)
  }
  return lines
}
