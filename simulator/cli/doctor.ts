/** `firedrill doctor`: which real parts are here, in which version, and how to get the missing ones. */
import type { Command } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { engineFacts } from '../judge/embedded/load-engine.ts'
import { findBinary, howToGet, type ToolName, versionOf } from '../judge/prometheus/find-binary.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'

const tools: readonly { readonly tool: ToolName; readonly for: string }[] = [
  { tool: 'prometheus', for: 'the second judge (--judge prometheus)' },
  { tool: 'promtool', for: 'the oracle of the tests' },
  { tool: 'alertmanager', for: 'live drills' },
  { tool: 'amtool', for: 'checks of routes' },
]

const nodeLeast = [20, 19] as const

/** Defines the command on the command line. */
export function addDoctorCommand(program: Command, start: Start): void {
  program
    .command('doctor')
    .description('which real parts are here, which version, how to get the missing ones')
    .option('--json', 'print one JSON object instead of text', false)
    .addHelpText('after', '\nExamples:\n  $ firedrill doctor')
    .action((options: { json: boolean }) => start((context) => doctorCommand(options, context)))
}

/** @returns the exit code: 0 when drills can run, whatever else is missing */
export async function doctorCommand(options: { readonly json: boolean }, context: CommandContext): Promise<number> {
  const { console } = context
  const engine = engineFacts()
  const nodeOk = isNodeRecent(context.nodeVersion)
  const found = await Promise.all(
    tools.map(async ({ tool, for: purpose }) => {
      const binary = findBinary(tool, context.environment)
      const version = binary && (await versionOf(binary.path))
      return { tool, purpose, path: binary?.path ?? null, by: binary?.by ?? null, version: version ?? null }
    }),
  )
  const exitCode = nodeOk ? exitCodes.held.code : exitCodes.invalid.code
  if (options.json) {
    const node = { version: context.nodeVersion, ok: nodeOk }
    console.out(
      JSON.stringify({ format: 1, firedrill: context.version, node, engine, tools: found, exitCode }, undefined, 2),
    )
    return exitCode
  }
  const line = (ok: boolean, name: string, text: string) =>
    console.out(`${ok ? console.paint.green('✓') : console.paint.yellow('-')} ${name.padEnd(16)} ${text}`)
  line(nodeOk, 'node', `${context.nodeVersion} (needs ${nodeLeast.join('.')} or newer)`)
  line(true, 'embedded judge', `Prometheus ${engine.prometheus}, built with ${engine.go}; needs nothing else`)
  for (const { tool, purpose, path, by, version } of found) {
    if (path === null) line(false, tool, `not here; for ${purpose}`)
    else line(true, tool, `${version ?? 'unknown version'}, ${path} (${by}); for ${purpose}`)
  }
  if (found.some(({ path }) => path === null)) console.out(`How to get what is missing: ${howToGet}`)
  return exitCode
}

function isNodeRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1])
}
