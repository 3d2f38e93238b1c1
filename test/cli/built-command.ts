/** The compiled command line, made anew when a source is newer: tests of the command line run what users run. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { packageRoot } from '../../simulator/package-root.ts'

const root = packageRoot()
const compiled = join(root, 'dist', 'simulator', 'cli', 'main.js')
/** Test files run in several processes; only one of them may build at a time. */
const lock = join(tmpdir(), `firedrill-build-${root.replaceAll(/\W/g, '-')}`)
const lockStaleMs = 120_000

let built: Promise<string> | undefined

/** @returns path of `bin/firedrill.js` */
export function builtCommand(): Promise<string> {
  built ??= build()
  return built
}

async function build(): Promise<string> {
  const release = await takeLock()
  try {
    if (isStale()) await promisify(execFile)(process.execPath, [join(root, 'tools', 'build.mjs')], { cwd: root })
  } finally {
    release()
  }
  return join(root, 'bin', 'firedrill.js')
}

async function takeLock(): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(lock)
      return () => rmdirSync(lock)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
      if (age > lockStaleMs) rmdirSync(lock)
      await setTimeout(100)
    }
  }
}

function isStale(): boolean {
  if (!existsSync(compiled)) return true
  const builtMs = statSync(compiled).mtimeMs
  return ['services', 'simulator', join('test', 'bench')].some((folder) => {
    if (!existsSync(join(root, folder))) return false
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    return files.some((name) => /\.[jt]s$/.test(name) && statSync(join(root, folder, name)).mtimeMs > builtMs)
  })
}
