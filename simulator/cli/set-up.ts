/** The first steps that commands share: the engine, the scrape config, the rules, the judge. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { countOf } from '../count-text.ts'
import type { Dashboard, DashboardProblem } from '../dashboards/dashboard.ts'
import { isAbout } from '../dashboards/panel-pattern.ts'
import { type DrillSetup, type LoadedSetup, loadSetup } from '../drill/drill-setup.ts'
import { exitCodes } from '../drill/exit-codes.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import { compileEngine, engineFacts, startEngine } from '../judge/embedded/load-engine.ts'
import type { JudgeIdentity } from '../judge/judge.ts'
import { findBinary, howToGet, versionOf } from '../judge/prometheus/find-binary.ts'
import { packageRoot } from '../package-root.ts'
import { type LoadedProject, loadProjectConfig, type ProjectConfig } from '../project/project-config.ts'
import { didYouMean } from '../scenario/did-you-mean.ts'
import { checkPanelNames, type LoadedScenario } from '../scenario/load-scenario.ts'
import { formatProblem, type Problem } from '../scenario/problem.ts'
import { autoJudge } from './auto-judge.ts'
import type { CommandContext } from './context.ts'
import { type FindingFiles, loadFindingFiles, projectFolder } from './finding-files.ts'
import type { Selected } from './scenario-files.ts'
import type { PoolOptions } from './worker-pool.ts'

export interface SetUpOptions {
  readonly rules?: string
  readonly prometheusConfig?: string
  readonly alertmanager?: string
  /** Folder of dashboards; false: none. */
  readonly dashboards?: string | boolean
}

export interface JudgeOptions {
  readonly judge: 'auto' | 'embedded' | 'prometheus'
  readonly prometheus?: string
}

/** The file that the user names, else that of the current folder, else the platform's own. */
export function configFileOf(option: string | undefined, cwd: string): string {
  if (option !== undefined) return option
  const inProject = join('observability', 'prometheus', 'prometheus.yml')
  return existsSync(join(cwd, inProject)) ? inProject : join(packageRoot(), inProject)
}

/** The folder that the user names, else that of the current folder, else the platform's own; undefined: no dashboards. */
function dashboardsFolderOf(option: string | boolean | undefined, cwd: string): string | undefined {
  if (option === false) return undefined
  if (typeof option === 'string') return option
  const inProject = join('observability', 'grafana', 'dashboards')
  return [inProject, join(packageRoot(), inProject)].find((folder) => existsSync(resolve(cwd, folder)))
}

export interface SetUp {
  readonly engine: Engine
  readonly module: WebAssembly.Module
  readonly source: Pick<
    DrillSetup,
    'configFile' | 'rulePatterns' | 'foreignConfig' | 'dashboardsFolder' | 'foreignDashboards' | 'environment' | 'known'
  >
  readonly loaded: LoadedSetup | undefined
  readonly project: ProjectConfig
  /** What findings look at beside rules and scrape config. */
  readonly findingFiles: FindingFiles
  readonly problems: readonly Problem[]
}

/**
 * What the user names on the command line goes before what firedrill.yaml says.
 * @param started the engine of a set-up before, when there was one
 */
export async function setUp(
  given: SetUpOptions,
  context: CommandContext,
  started?: Pick<SetUp, 'engine' | 'module'>,
): Promise<SetUp> {
  const own = loadProjectConfig('.')
  const options: SetUpOptions = {
    ...(own.config.rules && { rules: own.config.rules.join(',') }),
    ...(own.config.prometheusConfig && { prometheusConfig: own.config.prometheusConfig }),
    ...(own.config.alertmanager && { alertmanager: own.config.alertmanager }),
    ...given,
    // Who does not say `--no-dashboards` gives true.
    dashboards:
      given.dashboards === true ? (own.config.dashboards ?? true) : (given.dashboards ?? own.config.dashboards ?? true),
  }
  const module = started?.module ?? (await compileEngine())
  const engine = started?.engine ?? (await startEngine(module))
  const configFile = configFileOf(options.prometheusConfig, context.cwd)
  const foreignConfig = resolve(configFile) !== resolve(configFileOf(undefined, context.cwd))
  // The platform's own dashboards say nothing about another scrape config, or without the recording rules they read.
  const foreignRules = foreignConfig || options.rules !== undefined
  const dashboards = foreignRules && options.dashboards === true ? false : options.dashboards
  const source = {
    configFile,
    foreignConfig,
    rulePatterns: options.rules === undefined ? undefined : options.rules.split(',').filter((part) => part !== ''),
    dashboardsFolder: dashboardsFolderOf(dashboards, context.cwd),
    foreignDashboards: typeof dashboards === 'string',
    environment: { ...context.environment, ENVIRONMENT: context.environment.ENVIRONMENT ?? 'dev' },
    known: engine.known,
  }
  const { loaded, problems } = loadSetup(source, engine)
  const { alertmanager } = options
  // The platform's own files are described where they lie.
  const project = foreignRules ? own : loadProjectConfig(projectFolder(context.cwd, configFile))
  const findingFiles = loadFindingFiles({ alertmanager, configFile, foreignRules, project: project.config }, engine)
  return {
    engine,
    module,
    source,
    loaded,
    project: project.config,
    findingFiles,
    problems: [
      ...project.problems,
      ...(typeof given.dashboards === 'string' || !loaded ? [] : stillPanelProblems(project, loaded.dashboards)),
      ...problems,
      ...findingFiles.problems,
    ],
  }
}

/** Statements about panels that no dashboard has: renamed, or gone. */
function stillPanelProblems({ config, locate }: LoadedProject, dashboards: readonly Dashboard[]): Problem[] {
  if (!locate || dashboards.length === 0) return []
  const panels = dashboards.flatMap((dashboard) => dashboard.panels.map((panel) => ({ dashboard, panel })))
  return (config.coverage?.still ?? []).flatMap((still, i) => {
    if (panels.some((one) => isAbout(still, one))) return []
    const hint = didYouMean(
      still.panel,
      panels.map(({ panel }) => panel.title),
    )
    const message = `no panel of "${still.dashboard}" is called "${still.panel}"`
    return [locate({ path: ['coverage', 'still', i, 'panel'], on: 'value', message, hint })]
  })
}

/** What scenarios expect of panels that the dashboards do not have; other dashboards than the platform's may lack them. */
export function panelNameProblems({ loaded, source }: SetUp, scenarios: readonly LoadedScenario[]): Problem[] {
  if (!loaded || source.foreignDashboards || loaded.dashboards.length === 0) return []
  return scenarios.flatMap((scenario) => checkPanelNames(scenario, loaded.dashboards))
}

export interface ChosenJudge {
  readonly kind: 'embedded' | 'prometheus'
  readonly binary: string | undefined
  readonly identity: PoolOptions['judge']
}

/** What each thread that plays drills sets up for itself; by the embedded judge when none is named. */
export function drillSetupOf(
  { source }: SetUp,
  context: CommandContext,
  { kind, binary }: Pick<ChosenJudge, 'kind' | 'binary'> = { kind: 'embedded', binary: undefined },
): DrillSetup {
  return { ...source, judge: kind, prometheusBinary: binary, temporaryFolder: context.temporaryFolder() }
}

/** @returns the judge to use, or the exit code when it is not to be had */
export async function chooseJudge(options: JudgeOptions, context: CommandContext): Promise<ChosenJudge | number> {
  const embedded: JudgeIdentity = { kind: 'embedded', version: engineFacts().prometheus }
  if (options.judge === 'embedded') return { kind: 'embedded', binary: undefined, identity: embedded }
  const found = findBinary('prometheus', context.environment, options.prometheus)
  if (options.judge === 'auto') {
    const version = found && (await versionOf(found.path))
    const server: JudgeIdentity | undefined = version === undefined ? undefined : { kind: 'prometheus', version }
    return { kind: 'embedded', binary: found?.path, identity: autoJudge(embedded, server) }
  }
  if (!found) {
    const where = options.prometheus ? `${options.prometheus} is not a program` : 'prometheus is not installed'
    context.console.err(`${where}. ${howToGet}. (The embedded judge needs none: --judge embedded)`)
    return exitCodes.judge.code
  }
  const version = (await versionOf(found.path)) ?? 'unknown'
  return { kind: 'prometheus', binary: found.path, identity: { kind: 'prometheus', version } }
}

/**
 * What is wrong with dashboards keeps nothing from running: it is told, and what can't be judged is no success.
 * @returns the exit code of that alone
 */
export function printDashboardProblems(problems: readonly DashboardProblem[], context: CommandContext): number {
  for (const problem of problems) {
    const mark = problem.severity === 'warning' ? 'warning: ' : ''
    context.console.err(formatProblem({ ...problem, message: `${mark}${problem.message}` }))
  }
  return problems.some(({ severity }) => severity === 'error') ? exitCodes.invalid.code : exitCodes.held.code
}

/** Each problem on a line of its own. */
export function printProblems(problems: readonly Problem[], context: CommandContext): void {
  for (const problem of problems) context.console.err(formatProblem(problem))
  context.console.err(`${countOf(problems.length, 'problem')}, nothing was run`)
}

/** Names that are no scenario, each with the nearest one. */
export function printUnknown(unknown: Selected['unknown'], context: CommandContext): void {
  for (const { name, nearest } of unknown) {
    context.console.err(`no scenario is called "${name}"${nearest ? ` (did you mean "${nearest}"?)` : ''}`)
  }
}
