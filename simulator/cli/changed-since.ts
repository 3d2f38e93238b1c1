/**
 * Which drills a change can touch: those whose scenario or world changed, and those that name an alert whose rule changed,
 * or a dashboard that changed. What changes the platform itself, or how it is scraped, touches all.
 */
import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { alertsReading } from '../alerts/dependencies.ts'
import { loadRules, type Rule, type RuleGroup } from '../alerts/load-rules.ts'
import type { LoadedSetup } from '../drill/drill-setup.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Drill } from '../scenario/scenario.ts'

export interface Narrowed {
  readonly drills: readonly Drill[]
  /** One sentence: what was left out and why. */
  readonly why: string
}

export interface ChangeInput {
  readonly cwd: string
  readonly revision: string
  readonly drills: readonly Drill[]
  readonly loaded: LoadedSetup
  readonly engine: Engine
  readonly configFile: string
}

const run = promisify(execFile)

/** Files of a project that uses Firedrill, and of Firedrill itself, on which everything depends. */
const platform = [/^(services|simulator)\//, /(^|\/)package(-lock)?\.json$/, /(^|\/)firedrill\.yaml$/]

/** @throws ChangeError when git can't tell */
export async function narrowToChanges(input: ChangeInput): Promise<Narrowed> {
  const { cwd, revision, drills } = input
  const root = (await git(cwd, ['rev-parse', '--show-toplevel'])).trim()
  const commit = (await git(cwd, ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`])).trim()
  const listed = await git(cwd, ['diff', '--name-only', '-z', commit, '--'])
  const untracked = await git(root, ['ls-files', '--others', '--exclude-standard', '-z'])
  const changed = [...new Set([...listed.split('\0'), ...untracked.split('\0')])].filter((path) => path !== '')
  const inRoot = (file: string) =>
    relative(root, realpathOf(resolve(cwd, file)))
      .split('\\')
      .join('/')
  const all = (file: string): Narrowed => ({ drills, why: `${file} changed, on which every drill depends` })

  const config = inRoot(input.configFile)
  const whole = changed.find((path) => path === config || platform.some((pattern) => pattern.test(path)))
  if (whole !== undefined) return all(whole)
  const alerts = await changedAlerts(input, root, commit, changed, inRoot)
  const dashboards = changed.filter((path) => path.endsWith('.json') && !path.endsWith('schema.json'))
  const touched = drills.filter((drill) => {
    if (changed.includes(inRoot(drill.file))) return true
    if (changed.some((path) => path.endsWith(`/worlds/${drill.world.world}.yaml`))) return true
    // Drills without a fault are where an alert shows that fires by itself, and panels that lost their data.
    const isQuiet = drill.events.length === 0
    if (alerts.size > 0 && (isQuiet || Object.keys(drill.expect.alerts).some((name) => alerts.has(name)))) return true
    return dashboards.length > 0 && (isQuiet || drill.expect.panels.length > 0)
  })
  const what = [
    ...(alerts.size > 0 ? [`changed alerts: ${[...alerts].sort().join(', ')}`] : []),
    ...(dashboards.length > 0 ? [`${dashboards.length} changed dashboards`] : []),
  ]
  const reason = what.length > 0 ? ` (${what.join('; ')})` : ''
  return { drills: touched, why: `${touched.length} of ${drills.length} drills are touched since ${revision}${reason}` }
}

/** Alerts that are not what they were, in themselves or through a rule that feeds them. */
async function changedAlerts(
  { loaded, engine }: ChangeInput,
  root: string,
  commit: string,
  changed: readonly string[],
  inRoot: (file: string) => string,
): Promise<Set<string>> {
  const names = new Set<string>()
  for (const file of new Set(loaded.groups.map((group) => group.file))) {
    const path = inRoot(file)
    if (!changed.includes(path)) continue
    const now = loaded.groups.filter((group) => group.file === file)
    const before = await groupsAt(root, commit, path, engine, loaded.config.evaluationIntervalMs)
    const known = new Set(before.flatMap(definitions))
    for (const group of now) {
      for (const rule of group.rules) {
        if (known.has(definition(rule, group))) continue
        if (rule.kind === 'alerting') names.add(rule.name)
        else for (const reader of alertsReading(rule, loaded.groups)) names.add(reader)
      }
    }
    const there = new Set(now.flatMap((group) => group.rules.map(({ name }) => name)))
    for (const { name, kind } of before.flatMap((group) => group.rules)) {
      if (kind === 'alerting' && !there.has(name)) names.add(name)
    }
  }
  return names
}

function definitions(group: RuleGroup): string[] {
  return group.rules.map((rule) => definition(rule, group))
}

/** Everything that a rule does; not where it stands. */
function definition(rule: Rule, { intervalMs, queryOffsetMs, limit }: RuleGroup): string {
  const { name, kind, facts, forMs, keepFiringForMs, labels, annotations } = rule
  const what = [name, kind, facts.canonical, forMs, keepFiringForMs, labels, annotations]
  return JSON.stringify([...what, intervalMs, queryOffsetMs, limit])
}

async function groupsAt(root: string, commit: string, path: string, engine: Engine, intervalMs: number) {
  // A file that was not there, or was wrong, had no rules.
  const text = await git(root, ['show', `${commit}:${path}`]).catch(() => 'groups: []')
  return loadRules([{ path, text }], engine, intervalMs).groups
}

function realpathOf(file: string): string {
  return existsSync(file) ? realpathSync(file) : isAbsolute(file) ? file : resolve(file)
}

/** The revision is unknown, or this is no repository. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError'
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  try {
    return (await run('git', [...args], { cwd, maxBuffer: 64 * 1024 * 1024 })).stdout
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string }
    if (code === 'ENOENT') throw new ChangeError('git is not installed, so --changed-since can not be told')
    throw new ChangeError(`--changed-since: git says ${stderr?.trim().split('\n')[0] ?? String(error)}`)
  }
}
