/** `firedrill explain`: runs one drill and says step by step why an alert fired, or why it did not. */
import type { Command } from 'commander'
import type { AlertEvidence } from '../drill/drill-evidence.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import { explainText } from '../report/explain-text.ts'
import { drillBlock } from '../report/terminal.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import type { CommandContext } from './context.ts'
import { type Start, wholeNumber } from './options.ts'
import { scenariosFolder, selectDrills } from './scenario-files.ts'
import {
  chooseJudge,
  drillSetupOf,
  type JudgeOptions,
  printProblems,
  printUnknown,
  type SetUpOptions,
  setUp,
} from './set-up.ts'
import { WorkerPool } from './worker-pool.ts'

export interface ExplainOptions extends SetUpOptions, Pick<JudgeOptions, 'judge' | 'prometheus'> {
  readonly seed?: number
  readonly json: boolean
}

/** Defines the command on the command line. */
export function addExplainCommand(program: Command, start: Start): void {
  program
    .command('explain')
    .description('say step by step why an alert fired, or why it did not')
    .argument('<scenario>', 'file, name, or name/twin')
    .argument('[alert]', 'name of the alert; those that the scenario names, failed or were active when left out')
    .option('--seed <n>', 'another seed than the one in the file', wholeNumber)
    .option('--rules <globs>', 'rule files instead of those of the scrape config; separate several by commas')
    .option('--prometheus-config <file>', 'prometheus.yml to scrape by')
    .option('--json', 'print one JSON object instead of text, with every operand over time', false)
    .addHelpText(
      'after',
      `
Examples:
  $ firedrill explain kafka-lag-spike DataPipelineProcessingLag       why it fired, and when each part was true
  $ firedrill explain high-error-rate/just-below HighErrorRate        how close it came
  $ firedrill explain service-down                                    every alert that matters in the drill
  $ firedrill explain redis-down RedisDown --rules 'rules/*.yml'      the same question about your own rules
  $ firedrill explain redis-down RedisDown --json | jq '.alerts[0].answer'

It exits 0 when the question was answered, whatever the answer.`,
    )
    .action((scenario: string, alert: string | undefined, options: Omit<ExplainOptions, 'judge'>) =>
      start((context) => explainCommand(scenario, alert, { ...options, judge: 'embedded' }, context)),
    )
}

/** @returns the exit code */
export async function explainCommand(
  scenario: string,
  alertname: string | undefined,
  options: ExplainOptions,
  context: CommandContext,
): Promise<number> {
  const { console } = context
  const set = await setUp(options, context)
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  const selection = { names: [scenario], all: false, tags: [], twins: false }
  const selected = selectDrills(selection, scenariosFolder(context.cwd), known)
  const problems = [...set.problems, ...selected.problems]
  printUnknown(selected.unknown, context)
  if (problems.length > 0) printProblems(problems, context)
  if (problems.length > 0 || selected.unknown.length > 0) return exitCodes.invalid.code
  const { alerts: names } = set.loaded!
  if (alertname !== undefined && !names.includes(alertname)) {
    const nearest = nearestOf(alertname, names)
    console.err(
      `the rules have no alert "${alertname}"${nearest ? ` (did you mean "${nearest}"?)` : `; there are ${names.join(', ')}`}`,
    )
    return exitCodes.invalid.code
  }
  const judge = await chooseJudge(options, context)
  if (typeof judge === 'number') return judge

  const drill = { ...selected.drills[0]!, seed: options.seed ?? selected.drills[0]!.seed }
  let explained: readonly AlertEvidence[] = []
  let interrupted = false
  const pool = new WorkerPool([drill], {
    module: set.module,
    setup: {
      ...drillSetupOf(set, context, judge),
      explain: alertname === undefined ? 'those that matter' : [alertname],
    },
    workers: 1,
    judge: judge.identity,
    onProgress: ({ virtualMsDone, virtualMs }) =>
      console.progress(`${drill.name}: ${Math.round((100 * virtualMsDone) / Math.max(1, virtualMs))} %`),
    onExplained: (alerts) => {
      explained = alerts
    },
  })
  context.onInterrupt(async () => {
    interrupted = true
    await pool.stop()
  })
  context.onExit(() => pool.killChildren())
  const [result] = await pool.run()
  console.progress('')
  if (interrupted) return exitCodes.interrupted.code
  const isBroken = result!.exitCode === exitCodes.judge.code || result!.exitCode === exitCodes.bug.code
  const exitCode = isBroken ? result!.exitCode : exitCodes.held.code
  if (options.json) {
    const { scenario: name, seed, verdict } = result!
    console.out(JSON.stringify({ format: 1, scenario: name, seed, verdict, alerts: explained, exitCode }, undefined, 2))
  } else if (isBroken) {
    for (const line of drillBlock(result!, {
      results: [],
      coverage: [],
      panels: [],
      wallSeconds: 0,
      paint: console.paint,
      repeat: () => '',
    }))
      console.out(line)
  } else if (explained.length === 0) {
    console.out(`${drill.name} names no alert, and none was active: there is nothing to explain`)
  } else {
    explained.forEach((alert, i) => {
      if (i > 0) console.out('')
      for (const line of explainText({ result: result!, alert, paint: console.paint, columns: console.columns }))
        console.out(line)
    })
  }
  return exitCode
}
