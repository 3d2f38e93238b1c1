/**
 * Finds the real servers and tools: by option, by environment variable, on the PATH, and last in the cache folder into
 * which the newer servers of the real stack are built.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, createReadStream } from 'node:fs'
import { delimiter, join } from 'node:path'

export type ToolName = 'prometheus' | 'promtool' | 'alertmanager' | 'amtool'

export interface FoundBinary {
  readonly path: string
  /** How it was found, for people. */
  readonly by: string
}

/** What else a tool is called, and the variable that names its file. */
const tools: Readonly<Record<ToolName, { readonly names: readonly string[]; readonly variable: string }>> = {
  prometheus: { names: ['prometheus'], variable: 'FIREDRILL_PROMETHEUS' },
  promtool: { names: ['promtool'], variable: 'FIREDRILL_PROMTOOL' },
  alertmanager: { names: ['alertmanager', 'prometheus-alertmanager'], variable: 'FIREDRILL_ALERTMANAGER' },
  amtool: { names: ['amtool'], variable: 'FIREDRILL_AMTOOL' },
}

export const howToGet =
  'Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager; macOS: brew install prometheus alertmanager'

/** @param option path that the user named; then nothing else is looked at */
export function findBinary(
  tool: ToolName,
  environment: Readonly<Record<string, string | undefined>>,
  option?: string,
): FoundBinary | undefined {
  if (option !== undefined) return isExecutable(option) ? { path: option, by: 'option' } : undefined
  const { names, variable } = tools[tool]
  const named = environment[variable]
  if (named) return isExecutable(named) ? { path: named, by: variable } : undefined
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name)
      if (folder !== '' && isExecutable(path)) return { path, by: 'PATH' }
    }
  }
  const cache = realStackFolder(environment)
  const built = cache ? names.map((name) => join(cache, 'bin', name)).find(isExecutable) : undefined
  return built === undefined ? undefined : { path: built, by: 'real stack' }
}

/** Where `npm run real-stack` builds newer servers; undefined without a home. */
export function realStackFolder(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { HOME, FIREDRILL_REAL_STACK } = environment
  return FIREDRILL_REAL_STACK || (HOME ? join(HOME, '.cache', 'firedrill', 'real-stack') : undefined)
}

/** @returns for example `2.42.0`; undefined when neither the tool nor its file says */
export async function versionOf(path: string): Promise<string | undefined> {
  const said = await new Promise<string>((resolve) => {
    execFile(path, ['--version'], { timeout: 5_000 }, (_, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
  const version = /version v?(\d+\.\d+\.\d+\S*)/.exec(said)?.[1]?.replace(/\+ds.*$|,$/, '')
  // What `go install` built was not told its version, and says an empty one; but the file names its module.
  return version ?? (/version\s+\(/.test(said) ? moduleVersionOf(path) : undefined)
}

/** Prometheus 2.42.0 is version 0.42.0 of its Go module, 3.16.0 is 0.316.0; Alertmanager has one number for both. */
async function moduleVersionOf(path: string): Promise<string | undefined> {
  const line = /\tgithub\.com\/prometheus\/(prometheus|alertmanager)\tv0\.(\d+)\.(\d+)\t/
  let before = ''
  for await (const chunk of createReadStream(path, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const [, module, minor, patch] = line.exec(before + chunk) ?? []
    if (module === 'alertmanager') return `0.${minor}.${patch}`
    if (module === 'prometheus') {
      const release = Number(minor)
      return release < 100 ? `2.${release}.${patch}` : `${Math.floor(release / 100)}.${release % 100}.${patch}`
    }
    before = chunk.slice(-200)
  }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
