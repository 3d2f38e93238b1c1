/** Runs shipped scenarios inside a test, with the embedded judge, and with files changed on the way. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alertNames, loadRules } from '../../simulator/alerts/load-rules.ts'
import type { DrillResult } from '../../simulator/drill/drill-result.ts'
import { fileSource, type LoadedSetup } from '../../simulator/drill/drill-setup.ts'
import { type RunDrillOptions, runDrill } from '../../simulator/drill/run-drill.ts'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import type { Engine } from '../../simulator/judge/embedded/engine.ts'
import { compileEngine, startEngine } from '../../simulator/judge/embedded/load-engine.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { loadScenario } from '../../simulator/scenario/load-scenario.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'
import { loadPrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'

let started: Promise<Engine> | undefined

export function testEngine(): Promise<Engine> {
  started ??= compileEngine().then(startEngine)
  return started
}

/** A shipped scenario, or one of its twins by `name/twin`. */
export function shippedDrill(name: string): Drill {
  const [scenario, twin] = name.split('/')
  const folder = join(packageRoot(), 'scenarios')
  const { drills, problems } = loadScenario(join(folder, `${scenario}.yaml`), { worldsFolder: join(folder, 'worlds') })
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'))
  const drill = drills.find((candidate) => candidate.twin === twin)
  if (!drill) throw new Error(`no drill is called ${name}`)
  return drill
}

/** Every shipped scenario with its twins. */
export function shippedDrills(): Drill[] {
  const folder = join(packageRoot(), 'scenarios')
  const files = fileSource.list(folder).filter((name) => name.endsWith('.yaml'))
  return files.flatMap((file) => loadScenario(join(folder, file), { worldsFolder: join(folder, 'worlds') }).drills)
}

export interface Changes {
  /** Changes the text of a file on its way in. */
  readonly config?: (text: string) => string
  readonly rules?: (text: string) => string
}

/** The shipped scrape config and rules, changed. */
export async function shippedSetup(changes: Changes = {}): Promise<LoadedSetup> {
  const engine = await testEngine()
  const file = join(packageRoot(), 'observability', 'prometheus', 'prometheus.yml')
  const files = {
    ...fileSource,
    read(path: string) {
      const text = Buffer.from(fileSource.read(path)).toString('utf8')
      return Buffer.from(path === file ? changed(text, changes.config) : text)
    },
  }
  const { config, problems } = loadPrometheusConfig(file, { engine, environment: { ENVIRONMENT: 'test' }, files })
  if (!config) throw new Error(problems.map(formatProblem).join('\n'))
  const asShipped = config.ruleFiles.map((path) => ({
    path,
    text: Buffer.from(fileSource.read(path)).toString('utf8'),
  }))
  const texts = changedFiles(asShipped, changes.rules)
  const rules = loadRules(texts, engine, config.evaluationIntervalMs)
  if (rules.problems.length > 0) throw new Error(rules.problems.map(formatProblem).join('\n'))
  return {
    config,
    groups: rules.groups,
    alerts: alertNames(rules.groups),
    foreignRules: false,
    dashboards: [],
    dashboardProblems: [],
  }
}

/** Changes every file that the change is about, and there must be one. */
function changedFiles<File extends { readonly text: string }>(
  files: readonly File[],
  change: ((text: string) => string) | undefined,
): readonly File[] {
  if (!change) return files
  const after = files.map((file) => ({ ...file, text: change(file.text) }))
  if (after.every(({ text }, i) => text === files[i]!.text)) throw new Error('the change changes no file')
  return after
}

/** A change that changes nothing would make its test pass for the wrong reason. */
function changed(text: string, change: ((text: string) => string) | undefined): string {
  if (!change) return text
  const after = change(text)
  if (after === text) throw new Error('the change does not change the file')
  return after
}

export async function runShipped(
  drill: Drill,
  setup: LoadedSetup,
  more: Partial<RunDrillOptions> = {},
): Promise<DrillResult> {
  const engine = await testEngine()
  const temporaryFolder = mkdtempSync(join(tmpdir(), 'firedrill-test-'))
  try {
    return await runDrill(drill, {
      config: setup.config,
      groups: setup.groups,
      foreignRules: setup.foreignRules,
      createJudge: async () => createEmbeddedJudge(engine),
      temporaryFolder,
      wallClock: () => 0,
      ...more,
    })
  } finally {
    rmSync(temporaryFolder, { recursive: true, force: true })
  }
}
