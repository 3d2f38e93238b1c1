/** What all drills of a run have in common: scrape config, rules and judge. Plain data, so that it reaches workers. */
import { readdirSync } from 'node:fs'
import { alertNames, loadRules, type RuleGroup } from '../alerts/load-rules.ts'
import type { Dashboard, DashboardProblem } from '../dashboards/dashboard.ts'
import { loadDashboards } from '../dashboards/load-dashboards.ts'
import type { Engine, KnownAnswers } from '../judge/embedded/engine.ts'
import type { Problem } from '../scenario/problem.ts'
import { fileBytesMax, readBounded, unreadable } from '../scenario/read-bounded.ts'
import { decode } from '../scenario/yaml-document.ts'
import { loadPrometheusConfig, type PrometheusConfig } from '../scrape/prometheus-config.ts'
import { expandPattern, type FileSource } from '../scrape/rule-file-paths.ts'

export interface DrillSetup {
  readonly configFile: string
  /** Patterns that replace the rule_files of the scrape config. */
  readonly rulePatterns: readonly string[] | undefined
  /** The scrape config, and with it perhaps its rules, is not the platform's own. */
  readonly foreignConfig: boolean
  /** Folder with dashboards; undefined: none are judged. */
  readonly dashboardsFolder: string | undefined
  /** The dashboards are not the platform's own: what scenarios expect of others is no mistake. */
  readonly foreignDashboards: boolean
  /** For `${VAR}` in external labels. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly judge: 'embedded' | 'prometheus'
  /** Where the prometheus binary is, for the judge of that kind. */
  readonly prometheusBinary: string | undefined
  /** Of this run alone; whoever made it removes it. */
  readonly temporaryFolder: string
  /** Where the page of each drill is written, and the options that the command to repeat it carries on. */
  readonly report?: {
    readonly folder: string
    readonly repeatOptions: string
    readonly version: string
    /** Says who is told of an alert; undefined: nobody knows. */
    readonly alertmanagerFile: string | undefined
  }
  /** What the engine of the main thread has found out about the files. */
  readonly known?: KnownAnswers
  /** Alerts to explain: these by name, or those that the drill names, that failed, or that were active. */
  readonly explain?: readonly string[] | 'those that matter'
}

export interface LoadedSetup {
  readonly config: PrometheusConfig
  readonly groups: readonly RuleGroup[]
  readonly alerts: readonly string[]
  readonly foreignRules: boolean
  readonly dashboards: readonly Dashboard[]
  /** Broken dashboards keep nothing else from running: they are told, and judged as broken. */
  readonly dashboardProblems: readonly DashboardProblem[]
}

export const fileSource: FileSource = {
  read: (path) => readBounded(path, fileBytesMax),
  list(folder) {
    try {
      return readdirSync(folder).sort()
    } catch {
      return []
    }
  },
}

/** Reads scrape config and rules. Never throws because of what the files say. */
export function loadSetup(
  setup: Pick<DrillSetup, 'configFile' | 'rulePatterns' | 'environment'> &
    Partial<Pick<DrillSetup, 'foreignConfig' | 'dashboardsFolder'>>,
  engine: Engine,
): { loaded: LoadedSetup | undefined; problems: readonly Problem[] } {
  let read: ReturnType<typeof loadPrometheusConfig>
  try {
    read = loadPrometheusConfig(setup.configFile, { engine, environment: setup.environment, files: fileSource })
  } catch (error) {
    return { loaded: undefined, problems: [unreadable(setup.configFile, error)] }
  }
  const { config } = read
  const problems = [...read.problems]
  const ruleFiles = setup.rulePatterns ? findRules(setup.rulePatterns, problems) : (config?.ruleFiles ?? [])
  const files = ruleFiles.flatMap((path) => {
    try {
      const { text, problems: ofText } = decode(path, fileSource.read(path), fileBytesMax)
      problems.push(...ofText)
      return text === undefined ? [] : { path, text }
    } catch (error) {
      problems.push(unreadable(path, error))
      return []
    }
  })
  const rules = loadRules(files, engine, config?.evaluationIntervalMs ?? 60_000, config?.ruleQueryOffsetMs)
  problems.push(...rules.problems)
  if (!config || problems.length > 0) return { loaded: undefined, problems }
  const { groups } = rules
  const shown =
    setup.dashboardsFolder === undefined
      ? { dashboards: [], problems: [] }
      : loadDashboards(setup.dashboardsFolder, engine, fileSource)
  return {
    loaded: {
      config,
      groups,
      alerts: alertNames(groups),
      foreignRules: setup.rulePatterns !== undefined || setup.foreignConfig === true,
      dashboards: shown.dashboards,
      dashboardProblems: shown.problems,
    },
    problems,
  }
}

function findRules(patterns: readonly string[], problems: Problem[]): string[] {
  const files = patterns.flatMap((pattern) => {
    const found = expandPattern(pattern, fileSource)
    if (found.length === 0) {
      problems.push({ file: pattern, line: 1, column: 1, path: '', message: 'no rule file is there', hint: undefined })
    }
    return found
  })
  // Two patterns may find the same file; its rules are there once.
  return [...new Set(files)]
}
