/**
 * Loads a scenario file with its world and twins: one drill for the scenario and one for each twin, or everything that is
 * wrong, each with its place. Never throws because of what a file says.
 */
import { dirname, join } from 'node:path'
import { matchesPattern } from '../dashboards/panel-pattern.ts'
import { type World, worldSchema } from '../world/world-schema.ts'
import { didYouMean } from './did-you-mean.ts'
import { type Finding, formatPath, joinProblems, orderProblems, type Problem } from './problem.ts'
import { notThere, readBounded, unreadable } from './read-bounded.ts'
import { resolveDrill } from './resolve-drill.ts'
import type { Drill } from './scenario.ts'
import { twinSchema } from './schema.ts'
import { checkSchema, isMapping } from './schema-problems.ts'
import { expandTwin } from './twins.ts'
import { readYaml, sizeMaxDefault, type YamlDocument } from './yaml-document.ts'

export interface LoadOptions {
  /** Folder of the worlds that are named without a path, for example `scenarios/worlds`. */
  readonly worldsFolder: string
  /** Throws as readFileSync does. Default: reads the file system, a little more than the size limit at most. */
  readonly readFile?: (path: string) => Uint8Array
  /** Most series that a drill may make; 200,000 when left out. Infinity forces. */
  readonly seriesMax?: number
}

export interface LoadedScenario {
  /** The scenario first, then its twins in the order of the file. Empty when there are problems. */
  readonly drills: readonly Drill[]
  readonly problems: readonly Problem[]
  /** Every alert that the file names, where it names it. */
  readonly alerts: readonly NamedAlert[]
  /** Every panel that the file names. */
  readonly panels: readonly NamedPanel[]
}

export interface NamedPanel {
  readonly dashboard: string
  readonly panel: string
  readonly refId: string | undefined
  /** A problem without a message, for its place. */
  readonly place: Problem
}

export interface NamedAlert {
  readonly alert: string
  /** A problem without a message, for its place. */
  readonly place: Problem
}

const seriesMaxDefault = 200_000

export function loadScenario(file: string, options: LoadOptions): LoadedScenario {
  const readFile = options.readFile ?? readScenario
  const scenario = readDocument(file, readFile)
  if (!scenario.document) return { drills: [], problems: scenario.problems, alerts: [], panels: [] }
  const { document } = scenario
  const worlds = new Worlds(file, { ...options, readFile })
  const seriesMax = options.seriesMax ?? seriesMaxDefault

  const loadWorld = (name: string) => worlds.load(name)
  const base = resolveDrill(document.data, { file, twin: undefined, leftOut: new Set(), loadWorld, seriesMax })
  const findings: Finding[] = [...base.findings, ...worlds.takeFindings()]
  const drills: (Drill | undefined)[] = [base.drill]
  if (isMapping(document.data)) {
    const twins = resolveTwins(document.data, new Set(findings.map(textOf)), (data, variant) => {
      const twin = { ...variant.twin, name: variant.name }
      const resolved = resolveDrill(data, { file, twin, leftOut: variant.leftOut, loadWorld, seriesMax })
      return { drill: resolved.drill, findings: [...resolved.findings, ...worlds.takeFindings()] }
    })
    drills.push(...twins.drills)
    findings.push(...twins.findings)
  }
  const ofData = findings.map((finding) => document.locate(finding))
  const problems = [...joinProblems(scenario.problems, ofData), ...worlds.problems]
  return {
    drills: problems.length > 0 ? [] : drills.filter((drill) => drill !== undefined),
    problems: orderProblems(problems),
    alerts: namedAlerts(document),
    panels: namedPanels(document),
  }
}

/** @returns a problem for each alert that the file names and that is not among the rules' */
export function checkAlertNames(loaded: LoadedScenario, known: readonly string[]): Problem[] {
  return orderProblems(
    loaded.alerts
      .filter(({ alert }) => !known.includes(alert))
      .map(({ alert, place }) => ({
        ...place,
        message: `no rule has the alert "${alert}"`,
        hint: didYouMean(alert, known),
      })),
  )
}

/** @returns a problem for each panel that the file names and that no dashboard has */
export function checkPanelNames(
  loaded: LoadedScenario,
  dashboards: readonly {
    readonly uid: string
    readonly title: string
    readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly refId: string }[] }[]
  }[],
): Problem[] {
  return orderProblems(
    loaded.panels.flatMap(({ dashboard: wanted, panel, refId, place }) => {
      const found = dashboards.filter(({ uid, title }) => matchesPattern(wanted, uid) || matchesPattern(wanted, title))
      if (found.length === 0) {
        const hint = didYouMean(
          wanted,
          dashboards.map(({ uid }) => uid),
        )
        return [{ ...place, message: `there is no dashboard "${wanted}"`, hint }]
      }
      const panels = found.flatMap((one) => one.panels)
      const named = panels.filter(({ title }) => matchesPattern(panel, title))
      if (named.length === 0) {
        const titles = panels.map(({ title }) => title)
        return [{ ...place, message: `no panel of "${wanted}" is called "${panel}"`, hint: didYouMean(panel, titles) }]
      }
      const refIds = named.flatMap(({ targets }) => targets.map((target) => target.refId))
      if (refId === undefined || refIds.includes(refId)) return []
      const hint = `there is ${[...new Set(refIds)].sort().join(', ')}`
      return [{ ...place, message: `no query of panel "${panel}" is called "${refId}"`, hint }]
    }),
  )
}

const readScenario = (path: string) => readBounded(path, sizeMaxDefault)

/** Reads a world file. */
export function loadWorldFile(
  file: string,
  readFile: (path: string) => Uint8Array = readScenario,
): { world: World | undefined; problems: readonly Problem[] } {
  const { document, problems } = readDocument(file, readFile)
  if (!document) return { world: undefined, problems }
  const { value, findings } = checkSchema(worldSchema, document.data)
  const ofData = findings.map((finding) => document.locate(finding))
  const all = orderProblems(joinProblems(problems, ofData))
  return { world: all.length === 0 ? value : undefined, problems: all }
}

function readDocument(file: string, readFile: (path: string) => Uint8Array): ReturnType<typeof readYaml> {
  try {
    return readYaml(file, readFile(file))
  } catch (error) {
    return { document: undefined, problems: [unreadable(file, error)] }
  }
}

/** The worlds that a scenario and its twins name; each is read once. */
class Worlds {
  readonly problems: Problem[] = []
  readonly #file: string
  readonly #options: Required<Pick<LoadOptions, 'worldsFolder' | 'readFile'>>
  readonly #loaded = new Map<string, { world: World | undefined; finding: Finding | undefined }>()
  #findings: Finding[] = []

  constructor(file: string, options: Required<Pick<LoadOptions, 'worldsFolder' | 'readFile'>>) {
    this.#file = file
    this.#options = options
  }

  load(name: string): World | undefined {
    const before = this.#loaded.get(name)
    if (before) {
      if (before.finding) this.#findings.push(before.finding)
      return before.world
    }
    const isPath = /[/\\]|\.ya?ml$/.test(name)
    const path = isPath ? join(dirname(this.#file), name) : join(this.#options.worldsFolder, `${name}.yaml`)
    const { world, problems } = loadWorldFile(path, this.#options.readFile)
    const missing = problems.length === 1 && problems[0]!.line === 1 && problems[0]!.message === notThere
    let finding: Finding | undefined
    if (missing) {
      finding = { path: ['world'], on: 'value', message: `there is no world "${name}"`, hint: `looked for ${path}` }
      this.#findings.push(finding)
    } else this.problems.push(...problems)
    this.#loaded.set(name, { world, finding })
    return world
  }

  takeFindings(): Finding[] {
    const findings = this.#findings
    this.#findings = []
    return findings
  }
}

type Variant = ReturnType<typeof expandTwin>['variants'][number]

/** @param known findings of the scenario itself, which its twins share */
function resolveTwins(
  data: Record<string, unknown>,
  known: ReadonlySet<string>,
  resolve: (data: unknown, variant: Variant) => { drill: Drill | undefined; findings: readonly Finding[] },
): { drills: (Drill | undefined)[]; findings: Finding[] } {
  const drills: (Drill | undefined)[] = []
  const findings: Finding[] = []
  const names = new Set<string>()
  for (const [i, raw] of (Array.isArray(data.twins) ? data.twins : []).entries()) {
    const parsed = twinSchema.safeParse(raw)
    if (!parsed.success) continue
    const expanded = expandTwin(data, parsed.data, i)
    findings.push(...expanded.findings)
    for (const variant of expanded.variants) {
      if (names.has(variant.name)) {
        const message = `two drills would be called "${variant.name}"`
        findings.push({ path: ['twins', i, 'name'], on: 'value', message })
      }
      names.add(variant.name)
      const resolved = resolve(variant.data, variant)
      drills.push(resolved.drill)
      for (const finding of resolved.findings) {
        const placed = variant.placeInTwin(finding)
        if (placed) findings.push(placed)
        else if (!known.has(textOf(finding))) findings.push(withTwinPlace(finding, i))
      }
    }
  }
  return { drills, findings }
}

function withTwinPlace(finding: Finding, index: number): Finding {
  const message = `in this twin, ${formatPath(finding.path)}: ${finding.message}`
  return { path: ['twins', index], on: 'value', message, hint: finding.hint }
}

function textOf(finding: Finding): string {
  return JSON.stringify([finding.path, finding.message])
}

function namedPanels(document: YamlDocument): NamedPanel[] {
  const data = document.data
  if (!isMapping(data)) return []
  const named: NamedPanel[] = []
  const add = (expect: unknown, path: (string | number)[]) => {
    const panels = isMapping(expect) && Array.isArray(expect.panels) ? expect.panels : []
    for (const [i, item] of panels.entries()) {
      if (!isMapping(item) || typeof item.dashboard !== 'string' || typeof item.panel !== 'string') continue
      const place = document.locate({ path: [...path, 'panels', i, 'panel'], on: 'value', message: '' })
      const refId = typeof item.refId === 'string' ? item.refId : undefined
      named.push({ dashboard: item.dashboard, panel: item.panel, refId, place })
    }
  }
  add(data.expect, ['expect'])
  for (const [i, twin] of (Array.isArray(data.twins) ? data.twins : []).entries()) {
    if (isMapping(twin)) add(twin.expect, ['twins', i, 'expect'])
  }
  return named
}

function namedAlerts(document: YamlDocument): NamedAlert[] {
  const data = document.data
  if (!isMapping(data)) return []
  const named: NamedAlert[] = []
  const add = (alert: string, path: (string | number)[]) => {
    named.push({ alert, place: document.locate({ path, on: 'key', message: '' }) })
  }
  const alerts = isMapping(data.expect) ? data.expect.alerts : undefined
  for (const alert of Object.keys(isMapping(alerts) ? alerts : {})) add(alert, ['expect', 'alerts', alert])
  for (const [i, twin] of (Array.isArray(data.twins) ? data.twins : []).entries()) {
    const expect = isMapping(twin) && isMapping(twin.expect) ? twin.expect : {}
    for (const key of Object.keys(expect)) {
      if (!['*', 'otherwise', 'panels', 'logs', 'traces'].includes(key)) add(key, ['twins', i, 'expect', key])
    }
  }
  return named
}
