/** `firedrill init`: looks at a folder with rules and dashboards, and writes a firedrill.yaml, so that commands need no flags. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { exitCodes } from '../drill/exit-codes.ts'
import { projectFile } from '../project/project-config.ts'
import { isMapping } from '../scenario/schema-problems.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'

export interface InitOptions {
  readonly force: boolean
  readonly print: boolean
}

/** Defines the command on the command line. */
export function addInitCommand(program: Command, start: Start): void {
  program
    .command('init')
    .description(`look at a folder with rules and dashboards, and write a ${projectFile}, so that run needs no flags`)
    .argument('[dir]', 'folder to look at', '.')
    .option('--print', 'print it instead of writing it', false)
    .option('--force', 'overwrite one that is there', false)
    .addHelpText('after', '\nExamples:\n  $ firedrill init\n  $ firedrill init monitoring --print')
    .action((folder: string, options: InitOptions) => start((context) => initCommand(folder, options, context)))
}

/** @returns the exit code */
export async function initCommand(folder: string, options: InitOptions, context: CommandContext): Promise<number> {
  const { console } = context
  const file = join(folder, projectFile)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    console.err(`${folder} is no folder`)
    return exitCodes.invalid.code
  }
  if (!options.print && !options.force && existsSync(file)) {
    console.err(`${file} is there already (--force overwrites it, --print shows what would be written)`)
    return exitCodes.invalid.code
  }
  const found = lookAt(folder)
  const text = configText(found)
  if (options.print) {
    console.out(text.trimEnd())
    return exitCodes.held.code
  }
  writeFileSync(file, text)
  console.out(`${file} written:`)
  for (const line of describe(found)) console.out(`  ${line}`)
  console.out(`Next: ${folder === '.' ? '' : `cd ${folder} && `}firedrill run --all`)
  return exitCodes.held.code
}

export interface FoundFiles {
  readonly prometheusConfigs: readonly string[]
  readonly rules: readonly string[]
  readonly alertmanagers: readonly string[]
  /** Folders that hold dashboards. */
  readonly dashboards: readonly string[]
  /** Folders that hold scenarios. */
  readonly scenarios: readonly string[]
  /** Files that look like what is meant and can't be read, with the reason. */
  readonly unreadable: readonly string[]
}

const filesMax = 20_000
const bytesMax = 5_000_000
const left = new Set(['node_modules', 'dist', 'vendor'])

/** What kind each file is, told by what stands in it; names differ from place to place. */
export function lookAt(folder: string): FoundFiles {
  const prometheusConfigs: string[] = []
  const rules: string[] = []
  const alertmanagers: string[] = []
  const dashboards = new Set<string>()
  const scenarios = new Set<string>()
  const unreadable: string[] = []
  for (const path of filesIn(folder)) {
    const place = relative(folder, path).split('\\').join('/')
    const data = dataOf(path)
    if (data instanceof Error) {
      unreadable.push(`${place}: ${data.message.split('\n')[0]}`)
    } else if (!isMapping(data)) {
      // Lists and texts are none of ours.
    } else if (Array.isArray(data.scrape_configs)) prometheusConfigs.push(place)
    else if (isMapping(data.route) && Array.isArray(data.receivers)) alertmanagers.push(place)
    else if (isRuleFile(data)) rules.push(place)
    else if (data.format === 1 && typeof data.scenario === 'string') scenarios.add(dirname(place))
    else if (Array.isArray(data.panels) && 'schemaVersion' in data) dashboards.add(dirname(place))
  }
  return {
    prometheusConfigs,
    rules,
    alertmanagers,
    dashboards: [...dashboards],
    scenarios: [...scenarios],
    unreadable,
  }
}

/** Tests for promtool have `tests`; they are no rules. */
function isRuleFile(data: Record<string, unknown>): boolean {
  return Array.isArray(data.groups) && data.groups.some((group) => isMapping(group) && Array.isArray(group.rules))
}

function* filesIn(folder: string): Generator<string> {
  let count = 0
  const waiting = [folder]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of readdirSync(next, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || left.has(entry.name)) continue
      const path = join(next, entry.name)
      // Links are not followed: they may lead in a circle.
      if (entry.isDirectory()) waiting.push(path)
      else if (entry.isFile() && /\.(ya?ml|rules|json)$/.test(entry.name)) {
        count += 1
        if (count > filesMax) return
        yield path
      }
    }
  }
}

function dataOf(path: string): unknown {
  if (statSync(path).size > bytesMax) return undefined
  const text = readFileSync(path, 'utf8')
  // Most files of a folder are something else; reading them whole would take long.
  if (!/scrape_configs|receivers|groups|scenario|schemaVersion/.test(text)) return undefined
  try {
    return path.endsWith('.json') ? JSON.parse(text) : parse(text, { maxAliasCount: 100, logLevel: 'error' })
  } catch (error) {
    return error as Error
  }
}

/** Files of one folder become a pattern; a new file there is then found, too. */
export function patternsOf(files: readonly string[]): string[] {
  const byFolder = new Map<string, string[]>()
  for (const file of files) byFolder.set(dirname(file), [...(byFolder.get(dirname(file)) ?? []), file])
  return [...byFolder].flatMap(([folder, some]) => {
    const endings = new Set(some.map((file) => file.slice(file.lastIndexOf('.'))))
    if (some.length < 2 || endings.size > 1) return some
    return [`${folder === '.' ? '' : `${folder}/`}*${[...endings][0]}`]
  })
}

function configText(found: FoundFiles): string {
  const lines = [
    '# yaml-language-server: $schema=node_modules/firedrill/scenarios/firedrill.schema.json',
    '# What firedrill takes when no flag says otherwise. Paths are relative to this file.',
    '',
  ]
  const one = (key: string, values: readonly string[], what: string) => {
    if (values.length === 0) lines.push(`# ${key}: none found here; the platform's own ${what} is taken`)
    else lines.push(`${key}: ${JSON.stringify(values[0])}`)
    for (const other of values.slice(1)) lines.push(`# ${key}: ${JSON.stringify(other)}`)
  }
  one('prometheusConfig', found.prometheusConfigs, 'scrape config')
  const patterns = patternsOf(found.rules)
  if (patterns.length === 0) lines.push('# rules: none found here; those that the scrape config names are taken')
  else lines.push('rules:', ...patterns.map((pattern) => `  - ${JSON.stringify(pattern)}`))
  one('dashboards', found.dashboards, 'folder of dashboards')
  one('alertmanager', found.alertmanagers, 'configuration')
  one('scenarios', found.scenarios, 'folder of scenarios')
  lines.push(
    '',
    'findings:',
    '  failOn: error',
    '  # Findings that you know and accept, each with its reason.',
    '  ignore: []',
    '  # - code: rate-window-too-short',
    '  #   where: NameOfTheAlert',
    '  #   reason: this target is scraped every 5 s in production',
  )
  return `${lines.join('\n')}\n`
}

function describe(found: FoundFiles): string[] {
  const say = (what: string, values: readonly string[]) =>
    `${what.padEnd(18)}${values.length === 0 ? 'none' : values.join(', ')}`
  return [
    say('scrape config', found.prometheusConfigs),
    say('rules', patternsOf(found.rules)),
    say('dashboards', found.dashboards),
    say('Alertmanager', found.alertmanagers),
    say('scenarios', found.scenarios),
    ...found.unreadable.map((problem) => `not read: ${problem}`),
  ]
}
