/**
 * Finds the real servers and tools: by option, by environment variable, on the PATH, and last in the cache folder into
 * which the newer servers of the real stack are built.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
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
  const { HOME, FIREDRILL_REAL_STACK } = environment
  const cache = FIREDRILL_REAL_STACK || (HOME && join(HOME, '.cache', 'firedrill', 'real-stack'))
  const built = cache ? names.map((name) => join(cache, 'bin', name)).find(isExecutable) : undefined
  return built === undefined ? undefined : { path: built, by: 'real stack' }
}

/** @returns for example `2.42.0`; undefined when the tool does not say */
export function versionOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: 5_000 }, (_, stdout, stderr) => {
      resolve(/version v?(\d+\.\d+\.\d+\S*)/.exec(`${stdout}${stderr}`)?.[1]?.replace(/\+ds.*$|,$/, ''))
    })
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
