/** The package as `npm pack` makes it, installed into an empty folder as its users do. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'

export interface InstalledPackage {
  /** The folder of the user: package.json and node_modules. */
  readonly folder: string
  /** Of the packed file. */
  readonly bytes: number
  /** Paths inside of the package. */
  readonly files: readonly string[]
  run(program: string, args: readonly string[]): Promise<Ran>
  /** Lets the folder use a development dependency of ours, as if it were installed there. */
  link(name: string): void
  remove(): void
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** @returns why it can't be installed here, when there is no way to the packages that it needs */
export async function installPackage(): Promise<InstalledPackage | { readonly skipped: string }> {
  await builtCommand()
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-package-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  // The tree is built: the scripts of the package would do it again.
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], packageRoot())
  if (packed.code !== 0) throw new Error(`npm pack: ${packed.stderr}`)
  const [{ filename, size, files }] = manifests(packed.stdout)
  const user = join(folder, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }\n')
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0', '--loglevel=error']
  const installed = await run('npm', [...install, join(folder, filename)], user)
  if (installed.code !== 0) {
    remove()
    const { stderr } = installed
    if (/ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTCACHED|ENETUNREACH/.test(stderr)) {
      return { skipped: 'no package registry can be reached, and the cache of npm lacks a package' }
    }
    throw new Error(`npm install: ${stderr}`)
  }
  return {
    folder: user,
    bytes: size,
    files: files.map(({ path }) => path),
    run: (program, args) => run(program, args, user),
    link(name) {
      const target = join(user, 'node_modules', name)
      mkdirSync(join(target, '..'), { recursive: true })
      symlinkSync(join(packageRoot(), 'node_modules', name), target)
    },
    remove,
  }
}

/** What is in a folder of the installed package. */
export function listed({ folder }: InstalledPackage, ...path: readonly string[]): string[] {
  return readdirSync(join(folder, 'node_modules', 'firedrill', ...path))
}

interface Manifest {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** npm 12 gives an object by name where npm 11 gives a list. */
function manifests(json: string): [Manifest] {
  const value = JSON.parse(json) as readonly Manifest[] | Record<string, Manifest>
  return Object.values(value) as [Manifest]
}

function run(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = { ...process.env, NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1) || 1, stdout, stderr })
    })
  })
}
