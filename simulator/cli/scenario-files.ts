/** Finds scenarios by name or path, and loads them with their twins. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import { checkAlertNames, type LoadedScenario, loadScenario } from '../scenario/load-scenario.ts'
import type { Problem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface Selection {
  /** Files, paths without an extension, names, `name/twin`. Empty with `all`. */
  readonly names: readonly string[]
  readonly all: boolean
  readonly tags: readonly string[]
  readonly twins: boolean
  /** With `all`: those too that take long. */
  readonly long?: boolean
  /** Most series; Infinity forces. */
  readonly seriesMax?: number
}

export interface Selected {
  readonly drills: readonly Drill[]
  /** With `all`: those that were left out because they take long. */
  readonly leftOut: readonly Drill[]
  readonly loaded: readonly LoadedScenario[]
  readonly problems: readonly Problem[]
  /** Names that are no scenario. */
  readonly unknown: readonly { readonly name: string; readonly nearest: string | undefined }[]
}

/** Scenarios with this tag take long: they only run when asked for. */
const longTag = 'long'

/** The folder of the user's scenarios when there is one, else that of the package. */
export function scenariosFolder(cwd: string): string {
  const own = join(cwd, 'scenarios')
  if (existsSync(own) && readdirSync(own).some(isScenarioFile)) return 'scenarios'
  return join(packageRoot(), 'scenarios')
}

/** Paths of all scenarios, by name. */
export function scenarioFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter(isScenarioFile)
    .sort()
    .map((name) => join(folder, name))
}

/** @param knownAlerts of the rules; undefined: what the scenarios name is not checked against rules */
export function selectDrills(
  selection: Selection,
  folder: string,
  knownAlerts: readonly string[] | undefined,
): Selected {
  const unknown: { name: string; nearest: string | undefined }[] = []
  const wanted = selection.all
    ? scenarioFiles(folder).map((file) => ({ file, twin: undefined as string | undefined }))
    : selection.names.flatMap((name) => {
        const found = findScenario(name, folder)
        if (found) return found
        unknown.push({ name, nearest: nearestOf(name, scenarioFiles(folder).map(nameOf)) })
        return []
      })
  const loaded = new Map<string, LoadedScenario>()
  const problems: Problem[] = []
  const drills: Drill[] = []
  const leftOut: Drill[] = []
  for (const { file, twin } of wanted) {
    let scenario = loaded.get(file)
    if (!scenario) {
      const worldsFolder = join(dirname(file), 'worlds')
      scenario = loadScenario(file, {
        worldsFolder: existsSync(worldsFolder) ? worldsFolder : join(packageRoot(), 'scenarios', 'worlds'),
        ...(selection.seriesMax !== undefined && { seriesMax: selection.seriesMax }),
      })
      loaded.set(file, scenario)
      problems.push(...scenario.problems)
      if (knownAlerts) problems.push(...checkAlertNames(scenario, knownAlerts))
    }
    const chosen = scenario.drills.filter((drill) => isChosen(drill, twin, selection))
    if (twin !== undefined && chosen.length === 0 && scenario.problems.length === 0) {
      const names = scenario.drills.flatMap((drill) => drill.twin ?? [])
      unknown.push({ name: `${nameOf(file)}/${twin}`, nearest: nearestOf(twin, names) })
    }
    if (selection.all) leftOut.push(...scenario.drills.filter((drill) => isLeftOut(drill, selection)))
    drills.push(...chosen.filter((drill) => !drills.some(({ name }) => name === drill.name)))
  }
  return { drills, leftOut, loaded: [...loaded.values()], problems, unknown }
}

function isChosen(drill: Drill, twin: string | undefined, selection: Selection): boolean {
  const { tags, twins } = selection
  if (twin !== undefined) return drill.twin === twin
  if (!twins && drill.twin !== undefined) return false
  if (tags.length > 0 && !tags.every((tag) => drill.tags.includes(tag))) return false
  return !isLeftOut(drill, selection)
}

function isLeftOut(drill: Drill, { all, tags, long = false }: Selection): boolean {
  return all && !long && !tags.includes(longTag) && drill.tags.includes(longTag)
}

function findScenario(name: string, folder: string): { file: string; twin: string | undefined } | undefined {
  if (isFile(name)) return { file: name, twin: undefined }
  const inFolder = join(folder, `${name}.yaml`)
  if (isFile(inFolder)) return { file: inFolder, twin: undefined }
  const slash = name.lastIndexOf('/')
  if (slash < 0) return undefined
  const base = findScenario(name.slice(0, slash), folder)
  return base && { file: base.file, twin: name.slice(slash + 1) }
}

function nameOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/, '')
}

function isScenarioFile(name: string): boolean {
  return /\.ya?ml$/.test(name)
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch {
    // `drill.yaml/twin`: a file stands where a folder would have to.
    return false
  }
}
