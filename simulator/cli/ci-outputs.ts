/** What a run leaves for continuous integration: options of the command line, and the files and lines that they ask for. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import type { DrillResult } from '../drill/drill-result.ts'
import type { RunFinding } from '../findings/look-for-findings.ts'
import type { PlaceOf } from '../report/ci/failures.ts'
import { githubAnnotations } from '../report/ci/github-annotations.ts'
import { sarifReport } from '../report/ci/sarif.ts'
import { summaryMarkdown } from '../report/ci/summary-markdown.ts'
import type { RuleCoverage } from '../report/coverage.ts'
import type { LoadedScenario } from '../scenario/load-scenario.ts'
import type { Drill } from '../scenario/scenario.ts'
import type { CommandContext } from './context.ts'

export interface CiOptions {
  readonly sarif?: string
  readonly summary?: string
  readonly annotations?: 'github' | 'none'
}

export function addCiOptions(command: Command): Command {
  return command
    .option('--sarif <file>', 'write findings as SARIF 2.1.0, for code scanning')
    .option('--summary <file>', 'write a summary in Markdown, for example to $GITHUB_STEP_SUMMARY')
    .addOption(
      new Option(
        '--annotations <format>',
        'say failures and findings at the lines they mean (default: github inside GitHub Actions)',
      ).choices(['github', 'none']),
    )
}

export interface CiInput {
  readonly results: readonly DrillResult[]
  readonly coverage: readonly RuleCoverage[]
  readonly findings: readonly RunFinding[]
  readonly placeOf: PlaceOf
  readonly repeat: (result: DrillResult) => string
}

/** Writes the files, and says annotations on stderr, where the runner reads them as well; stdout belongs to the result. */
export function writeCiOutputs(
  { results, coverage, findings, placeOf, repeat }: CiInput,
  { sarif, summary, annotations }: CiOptions,
  { console, environment, version }: CommandContext,
): void {
  if (sarif !== undefined) writeOutput(sarif, sarifReport(findings, version))
  if (summary !== undefined) writeOutput(summary, summaryMarkdown({ results, coverage, findings, repeat }))
  const format = annotations ?? (environment.GITHUB_ACTIONS === 'true' ? 'github' : 'none')
  if (format === 'github') for (const line of githubAnnotations(results, findings, placeOf)) console.err(line)
}

export function writeOutput(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Points to the line of a scenario that names the alert, else to the file of the drill. */
export function placesOf(drills: readonly Drill[], loaded: readonly LoadedScenario[]): PlaceOf {
  const named = loaded.flatMap(({ alerts }) => alerts)
  return (name, what) => {
    const drill = drills.find((one) => one.name === name)
    if (!drill) return undefined
    const place = named.find(({ alert, place }) => alert === what && place.file === drill.file)?.place
    return { file: drill.file, line: place?.line ?? 1 }
  }
}
