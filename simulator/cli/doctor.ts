/** `firedrill doctor`: which real parts are here, in which version, and how to get the missing ones. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Command } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { engineFacts } from '../judge/embedded/load-engine.ts'
import { findBinary, howToGet, realStackFolder, type ToolName, versionOf } from '../judge/prometheus/find-binary.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'

const tools: readonly { readonly tool: ToolName; readonly for: string }[] = [
  { tool: 'prometheus', for: 'the second judge (--judge prometheus)' },
  { tool: 'promtool', for: 'the oracle of the tests' },
  { tool: 'alertmanager', for: 'live drills' },
  { tool: 'amtool', for: 'checks of routes' },
]

/** What nobody needs for drills, and where it comes from. */
const more: readonly { readonly name: string; readonly for: string; readonly get: string }[] = [
  {
    name: 'Prometheus 3.x',
    for: 'a server of the embedded version (--judge auto and prometheus)',
    get: 'npm run real-stack -- --only prometheus (needs Go; about 10 min, once)',
  },
  { name: 'Loki, Jaeger', for: 'npm run test:real-stack', get: 'npm run real-stack -- --only loki,jaeger (needs Go)' },
  { name: 'Kafka', for: 'npm run test:real-stack', get: 'npm run real-stack -- --only kafka (needs Java and Maven)' },
  { name: 'Chromium', for: 'the tests of report pages', get: 'Debian and Ubuntu: apt-get install chromium' },
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
  const builtIn = realStackFolder(context.environment)
  const present = more.map((one) => ({ ...one, here: isHere(one.name, found, builtIn, context.environment) }))
  const exitCode = nodeOk ? exitCodes.held.code : exitCodes.invalid.code
  if (options.json) {
    const node = { version: context.nodeVersion, ok: nodeOk }
    console.out(
      JSON.stringify(
        { format: 1, firedrill: context.version, node, engine, tools: found, more: present, exitCode },
        undefined,
        2,
      ),
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
  console.out('')
  console.out('There is more; drills with the embedded judge need none of it:')
  for (const { name, for: purpose, get, here } of present)
    line(here, name, here ? `here; for ${purpose}` : `for ${purpose}: ${get}`)
  return exitCode
}

function isHere(
  name: string,
  found: readonly { readonly tool: ToolName; readonly version: string | null }[],
  folder: string | undefined,
  { PATH = '' }: Readonly<Record<string, string | undefined>>,
): boolean {
  const built = (...paths: readonly string[]) =>
    folder !== undefined && paths.every((path) => existsSync(join(folder, path)))
  switch (name) {
    case 'Prometheus 3.x':
      return (
        built('bin/prometheus') ||
        found.some(({ tool, version }) => tool === 'prometheus' && !/^2\./.test(version ?? '2.'))
      )
    case 'Loki, Jaeger':
      return built('bin/loki', 'bin/jaeger')
    case 'Kafka':
      return built('kafka/libs')
    default:
      return PATH.split(delimiter).some((place) => place !== '' && existsSync(join(place, 'chromium')))
  }
}

function isNodeRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1])
}
