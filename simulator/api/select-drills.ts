/** Finds the drills that a program asks for: scenarios by name or path as the command line does, and scenarios as objects. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { scenariosFolder, selectDrills } from '../cli/scenario-files.ts'
import { panelNameProblems, type SetUp } from '../cli/set-up.ts'
import { packageRoot } from '../package-root.ts'
import { checkAlertNames, type LoadedScenario, loadScenario } from '../scenario/load-scenario.ts'
import type { Problem } from '../scenario/problem.ts'
import type { Drill } from '../scenario/scenario.ts'
import { type Path, pathOf, type ScenarioObject, withoutFile } from './drill-options.ts'

export interface Asked {
  readonly scenarios: 'all' | readonly (Path | ScenarioObject)[]
  readonly tags: readonly string[]
  readonly twins: boolean
}

export interface Found {
  readonly drills: readonly Drill[]
  readonly leftOut: readonly Drill[]
  readonly scenarios: readonly LoadedScenario[]
  readonly problems: readonly Problem[]
}

export function findDrills(asked: Asked, set: SetUp, cwd: string): Found {
  const all = asked.scenarios === 'all'
  const given = asked.scenarios === 'all' ? [] : asked.scenarios
  const names = given.filter(isPath).map(pathOf)
  const known = set.loaded && !set.loaded.foreignRules ? set.loaded.alerts : undefined
  const { tags, twins } = asked
  const selected = selectDrills({ names, all, tags, twins }, scenariosFolder(cwd), known)
  const objects = given.filter((one) => !isPath(one)).map((one) => loadObject(one as ScenarioObject, cwd))
  const ofObjects = objects.flatMap(({ drills }) => drills).filter((drill) => isAsked(drill, asked))
  const problems = [
    ...selected.problems,
    ...objects.flatMap((one) => [...one.problems, ...(known ? checkAlertNames(one, known) : [])].map(withoutPlace)),
    ...panelNameProblems(set, [...selected.loaded, ...objects]),
    ...selected.unknown.map(({ name, nearest }) => {
      const hint = nearest && `did you mean "${nearest}"?`
      return withoutFile(name, { path: [], message: 'no scenario is called so, and there is no such file', hint })
    }),
  ]
  const drills = [...selected.drills, ...ofObjects]
  if (problems.length === 0 && drills.length === 0) {
    problems.push(withoutFile('options', { path: ['tags'], message: 'no scenario has these tags' }))
  }
  return { drills, leftOut: selected.leftOut, scenarios: [...selected.loaded, ...objects], problems }
}

function isPath(one: Path | ScenarioObject): one is Path {
  return typeof one === 'string' || one instanceof URL
}

function isAsked(drill: Drill, { tags, twins }: Asked): boolean {
  return (twins || drill.twin === undefined) && tags.every((tag) => drill.tags.includes(tag))
}

/** What is no path and no text of a file still goes the way of files: one schema, one set of messages. */
function loadObject(scenario: ScenarioObject, cwd: string): LoadedScenario {
  const { scenario: name } = scenario
  const file = join(cwd, typeof name === 'string' ? name : 'scenario')
  const own = join(cwd, 'scenarios', 'worlds')
  return loadScenario(file, {
    worldsFolder: existsSync(own) ? own : join(packageRoot(), 'scenarios', 'worlds'),
    readFile: (path) => (path === file ? new TextEncoder().encode(stringify(scenario)) : readFileSync(path)),
  })
}

/** An object has no lines that anybody could look up. */
function withoutPlace(problem: Problem): Problem {
  return { ...problem, file: 'scenario', line: 0, column: 0 }
}
