/** Every command in the documentation exists, and says what the page shows where it is quick enough to be run here. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { beforeAll, describe, expect, test } from 'vitest'
import { createProgram } from '../../simulator/cli/main.ts'
import { selectDrills } from '../../simulator/cli/scenario-files.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { blocks, commandsOf, followedPages, patternOf, readPage, wordsOf } from './documentation.ts'

const root = packageRoot()
const shells = ['sh', 'bash', 'shell', 'console']
const shown = blocks()
  .filter(({ language, notRun }) => shells.includes(language) && notRun === undefined)
  .flatMap(commandsOf)
  .flatMap(({ command, ...rest }) =>
    command.split(/\s*(?:&&|;)\s*/).map((part) => ({ ...rest, command: part, whole: command })),
  )
const calls = shown.filter(({ command }) => isOurs(command))
const quick = calls.filter(
  ({ command, whole, place }) =>
    command === whole && isQuick(command) && !followedPages.some((page) => place.startsWith(page)),
)

test('every block has a language, and those that are not tried say why', () => {
  for (const { place, language } of blocks())
    expect(language, `${place}: a fenced block names its language`).not.toBe('')
})

describe('a command of ours is one that the command line takes', () => {
  test.each(calls)('$place: $command', async ({ command, place }) => {
    const scenarios: string[] = []
    const program = createProgram(async () => {})
    forEachCommand(program, (one) => {
      one.exitOverride().configureOutput({ writeOut() {}, writeErr() {} })
      one.hook('preAction', (_, action) => void scenarios.push(...action.args.flat()))
    })
    const error = await program.parseAsync(wordsOf(command), { from: 'user' }).catch((thrown: Error) => thrown)
    if (error instanceof Error && (error as { exitCode?: number }).exitCode !== 0) throw error
    if (
      /^(run|check|live) /.test(wordsOf(command).join(' ')) &&
      !followedPages.some((page) => place.startsWith(page))
    ) {
      const selection = { names: scenarios, all: false, tags: [], twins: true }
      expect(selectDrills(selection, join(root, 'scenarios'), undefined).unknown).toEqual([])
    }
  })
})

describe('a command of the project exists', () => {
  const scripts = Object.keys((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Package).scripts)
  test.each(shown.filter(({ command }) => !isOurs(command)))('$place: $command', ({ command, place }) => {
    const [program, ...rest] = command.trim().split(/\s+/)
    if (program === 'npm') {
      const script = rest[0] === 'run' ? rest[1] : rest[0]
      expect([...scripts, 'ci', 'install']).toContain(script)
    } else if (program?.startsWith('./') || program?.startsWith('.ci/')) {
      expect(existsSync(join(root, program)), `${program} is there`).toBe(true)
    } else {
      expect.fail(`${place}: "${command}" is not tried: mark the block with <!-- not run: why -->`)
    }
  })
})

describe('a quick command says what the page shows', () => {
  beforeAll(() => builtCommand(), 120_000)

  test.each(quick)(
    '$place: $command',
    async ({ command, output }) => {
      const firedrill = await builtCommand()
      const said = await new Promise<{ text: string; code: number }>((resolve) => {
        execFile(process.execPath, [firedrill, ...wordsOf(command)], { cwd: root }, (error, stdout, stderr) => {
          resolve({ text: `${stdout}${stderr}`, code: Number(error?.code ?? 0) })
        })
      })
      expect([0, 2]).toContain(said.code)
      if (output.some((line) => line.trim() !== '')) expect(said.text).toMatch(patternOf(output))
    },
    60_000,
  )
})

test('the README lists the exit codes as they are', async () => {
  const { exitCodes } = await import('../../simulator/drill/exit-codes.ts')
  const rows = [...readPage('README.md').matchAll(/^\| (\d+) \| (.*?) \|$/gm)].map(([, code, meaning]) => ({
    code: Number(code),
    meaning: meaning!.replaceAll('`', ''),
  }))
  expect(rows).toEqual(Object.values(exitCodes))
})

interface Package {
  readonly scripts: Readonly<Record<string, string>>
}

function isOurs(command: string): boolean {
  return /^(npx )?firedrill( |$)|^node bin\/firedrill\.js/.test(command)
}

/** Takes no drill to run. */
function isQuick(command: string): boolean {
  const words = wordsOf(command)
  if (words.includes('--help')) return true
  return ['list', 'check', 'doctor'].includes(words[0] ?? '') && !words.includes('--suggest')
}

function forEachCommand(command: Command, action: (command: Command) => void): void {
  action(command)
  for (const child of command.commands) forEachCommand(child, action)
}
