/** docs/add-a-fault.md, followed in a copy of the project: the new fault is compiled, played, and seen. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { blocks, commandsOf } from './documentation.ts'

const own = blocks().filter(({ place }) => place.startsWith('docs/add-a-fault.md'))
const copy = mkdtempSync(join(tmpdir(), 'firedrill-fault-'))

beforeAll(() => {
  const root = packageRoot()
  const copied = ['bin', 'services', 'simulator', 'scenarios', 'observability', 'tools']
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'firedrill.yaml', join('docs', 'metrics.md')]
  for (const path of [...copied, ...files]) cpSync(join(root, path), join(copy, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const { text } of own) {
    const file = /^(?:\/\/|#) (\S+\.(?:ts|yaml))\n/.exec(text)?.[1]
    if (!file) continue
    if (file.endsWith('index.ts')) enter(join(copy, file), text.split('\n').slice(1))
    else writeFileSync(join(copy, file), text)
  }
  // Benchmarks are not part of the page.
  const build = join(copy, 'tsconfig.build.json')
  writeFileSync(build, readFileSync(build, 'utf8').replace(', "test/bench"', ''))
  execFileSync(process.execPath, [join('tools', 'build.mjs')], { cwd: copy, encoding: 'utf8' })
}, 180_000)
afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** The import above the others, the entry at the head of the list. */
function enter(file: string, [line, entry]: readonly string[]): void {
  const before = readFileSync(file, 'utf8')
  const after = before
    .replace(/^import /m, `${line}\nimport `)
    .replace('export const faults = [\n', `export const faults = [\n${entry}\n`)
  expect(after.split('\n')).toHaveLength(before.split('\n').length + 2)
  writeFileSync(file, after)
}

function firedrill(...args: string[]): { code: number; stdout: string } {
  try {
    return {
      code: 0,
      stdout: execFileSync(process.execPath, ['bin/firedrill.js', ...args], { cwd: copy, encoding: 'utf8' }),
    }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    return { code: status, stdout: `${stdout}${stderr}` }
  }
}

test('the drill of the page runs, the fault has an effect, and no rule fires', () => {
  const { code, stdout } = firedrill('run', 'exporter-flaps', '--no-twins', '--judge', 'embedded')
  expect(code, stdout).toBe(0)
  const shown = own.flatMap(commandsOf).find(({ command }) => command.endsWith('run exporter-flaps'))!
  // The number of rules grows.
  expect(stdout).toMatch(new RegExp(shown.output[1]!.replace(/\d+/, '\\d+')))
  expect(stdout).toMatch(/^exporter-flaps +seed 42 +20m virtual/)
})
