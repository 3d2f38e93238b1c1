/** Reads every dashboard of a folder; what is wrong with one hides none of the others. */
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Problem } from '../scenario/problem.ts'
import { fileBytesMax, unreadable } from '../scenario/read-bounded.ts'
import { decode } from '../scenario/yaml-document.ts'
import type { FileSource } from '../scrape/rule-file-paths.ts'
import type { Dashboard, DashboardProblem } from './dashboard.ts'
import { loadDataSources } from './data-sources.ts'
import { loadDashboard } from './load-dashboard.ts'

export interface LoadedDashboards {
  readonly dashboards: readonly Dashboard[]
  readonly problems: readonly DashboardProblem[]
}

/** @param folder also of folders inside of it, as Grafana's provider reads them */
export function loadDashboards(folder: string, engine: Engine, files: FileSource): LoadedDashboards {
  const paths = existsSync(folder) ? jsonFiles(folder, files) : []
  if (paths.length === 0) {
    const problem = { file: folder, line: 1, column: 1, path: '', message: 'no dashboard is there', hint: undefined }
    return { dashboards: [], problems: [{ ...problem, code: 'no-dashboards', severity: 'error' }] }
  }
  const dataSources = loadDataSources(folder, files)
  const dashboards: Dashboard[] = []
  const problems: DashboardProblem[] = []
  for (const path of paths) {
    const { text, problems: wrong } = textOf(path, files)
    problems.push(...wrong.map((problem) => ({ ...problem, code: 'not-readable', severity: 'error' as const })))
    if (text === undefined) continue
    const loaded = loadDashboard(path, text, { engine, dataSources })
    problems.push(...loaded.problems)
    const { dashboard } = loaded
    const twin = dashboard && dashboards.find(({ uid }) => uid === dashboard.uid)
    if (twin) {
      const message = `has the same uid as ${relative(folder, twin.file)}, "${twin.uid}": Grafana keeps one of them`
      const problem = { file: path, line: 1, column: 1, path: 'uid', message, hint: undefined }
      problems.push({ ...problem, code: 'dashboard-same-uid', severity: 'error' })
    } else if (dashboard) dashboards.push(dashboard)
  }
  return { dashboards, problems }
}

function textOf(path: string, files: FileSource): { text: string | undefined; problems: readonly Problem[] } {
  try {
    return decode(path, files.read(path), fileBytesMax)
  } catch (error) {
    return { text: undefined, problems: [unreadable(path, error)] }
  }
}

/** Folders inside of folders; a link may lead back to where it stands. */
const depthMax = 6

function jsonFiles(folder: string, files: FileSource, depth = 0): string[] {
  if (depth > depthMax) return []
  return files.list(folder).flatMap((name) => {
    const path = join(folder, name)
    if (name.endsWith('.json')) return [path]
    return name.startsWith('.') ? [] : jsonFiles(path, files, depth + 1)
  })
}
