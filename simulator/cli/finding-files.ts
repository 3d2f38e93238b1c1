/** The files that only findings look at: alertmanager.yml, the documentation of metrics, the list of accepted findings. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Alertmanager, loadAlertmanager } from '../alertmanager/alertmanager-config.ts'
import { type Documentation, readDocumentation } from '../findings/documentation.ts'
import { findingDefinitions } from '../findings/index.ts'
import type { IgnoredFinding } from '../findings/look-for-findings.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import { packageRoot } from '../package-root.ts'
import { type ProjectConfig, projectFile } from '../project/project-config.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import type { Problem } from '../scenario/problem.ts'
import { fileBytesMax, readBounded, unreadable } from '../scenario/read-bounded.ts'

export interface FindingFiles {
  readonly alertmanager: Alertmanager | undefined
  /** Where that stands. */
  readonly alertmanagerFile: string | undefined
  readonly documentation: Documentation | undefined
  readonly ignore: readonly IgnoredFinding[]
  readonly problems: readonly Problem[]
}

export interface FindingFilesOptions {
  /** Named by the user. */
  readonly alertmanager: string | undefined
  readonly configFile: string
  readonly foreignRules: boolean
  readonly project: ProjectConfig
}

export function loadFindingFiles(options: FindingFilesOptions, engine: Engine): FindingFiles {
  const { project } = options
  const problems: Problem[] = []
  const documents = project.documentation
    ? readDocumentation(project.documentation, (file) => readFileSync(file, 'utf8'))
    : undefined
  problems.push(...(documents?.problems ?? []))
  const file = options.alertmanager ?? besideConfig(options)
  const ignore = project.findings?.ignore ?? []
  problems.push(...unknownCodes(ignore))
  return {
    alertmanager: file === undefined ? undefined : readAlertmanager(file, engine, problems),
    alertmanagerFile: file,
    documentation: documents?.documentation,
    ignore,
    problems,
  }
}

/** The platform's own file routes the platform's own rules; to foreign rules it says nothing. */
function besideConfig({ configFile, foreignRules }: FindingFilesOptions): string | undefined {
  if (foreignRules) return undefined
  const file = join(dirname(configFile), '..', 'alertmanager', 'alertmanager.yml')
  return existsSync(file) ? file : undefined
}

function readAlertmanager(file: string, engine: Engine, problems: Problem[]): Alertmanager | undefined {
  let bytes: Uint8Array
  try {
    bytes = readBounded(file, fileBytesMax)
  } catch (error) {
    problems.push(unreadable(file, error))
    return undefined
  }
  const read = loadAlertmanager(file, bytes, engine)
  problems.push(...read.problems)
  return read.alertmanager
}

function unknownCodes(ignore: readonly IgnoredFinding[]): Problem[] {
  const known = findingDefinitions.map(({ code }) => code)
  return ignore.flatMap(({ code }) => {
    if (known.includes(code)) return []
    const nearest = nearestOf(code, known)
    const hint = nearest && `did you mean "${nearest}"?`
    const message = `no finding has the code "${code}"`
    return [{ file: projectFile, line: 1, column: 1, path: 'findings.ignore', message, hint }]
  })
}

/** Where the files of the project are described: the current folder, or the package for its own files. */
export function projectFolder(cwd: string, configFile: string): string {
  if (existsSync(join(cwd, projectFile))) return '.'
  return configFile.startsWith(packageRoot()) ? packageRoot() : '.'
}
