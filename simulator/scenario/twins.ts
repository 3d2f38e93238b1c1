/**
 * Twins: siblings of a scenario that differ in a few values, events or expectations. A twin is made as data, in the shape
 * of the file, and then checked like a scenario; what is wrong with it is told at the line of the twin.
 */
import { formatDurationMs, parseDurationMs } from '../../services/runtime/duration.ts'
import { didYouMean } from './did-you-mean.ts'
import { type DataPath, type Finding, formatPath, showValue } from './problem.ts'
import { scenarioSchema, type Twin } from './schema.ts'
import { isMapping, valueAt } from './schema-problems.ts'

export interface TwinVariant {
  /** `just-below`, or `onset-15s` for one of several. */
  readonly name: string
  readonly twin: Twin
  /** The scenario with the twin's changes. */
  readonly data: Record<string, unknown>
  readonly leftOut: ReadonlySet<string>
  /** Gives a finding about the variant's data the place of the change that caused it. Undefined: no change did. */
  placeInTwin(finding: Finding): Finding | undefined
}

export interface ExpandedTwins {
  readonly variants: readonly TwinVariant[]
  readonly findings: readonly Finding[]
}

const variantsMax = 200

/** @param data the scenario as it stands in the file @param twin after validation @param index its place in `twins` */
export function expandTwin(data: Record<string, unknown>, twin: Twin, index: number): ExpandedTwins {
  const path: DataPath = ['twins', index]
  const findings: Finding[] = [...checkLeftOut(data, twin, path), ...checkSolve(data, twin, path)]
  const changed = new Changes(data)
  changed.leaveOutPanels()
  for (const [key, value] of Object.entries(twin.set)) changed.set(key, value, [...path, 'set', key])
  changed.expect(valueAt(data, [...path, 'expect']), [...path, 'expect'])
  findings.push(...changed.findings)

  const choices = Object.entries(twin.vary).map(([key, vary]) => choicesOf(changed, key, vary, [...path, 'vary', key]))
  findings.push(...choices.flatMap((choice) => choice.findings))
  const combinations = combine(choices.map((choice) => choice.values))
  if (combinations.length > variantsMax) {
    const message = `makes ${combinations.length} drills; the most is ${variantsMax}`
    return { variants: [], findings: [...findings, { path: [...path, 'vary'], on: 'value', message }] }
  }
  if (findings.length > 0) return { variants: [], findings }

  const variants = combinations.map((combination): TwinVariant => {
    const variant = changed.copy()
    for (const { key, value } of combination) variant.set(key, value, [...path, 'vary', key])
    findings.push(...variant.findings)
    return {
      name: [twin.name, ...combination.map(({ suffix }) => suffix)].join('-'),
      twin,
      data: variant.data,
      leftOut: new Set(twin.without),
      placeInTwin: (finding) => variant.place(finding),
    }
  })
  return { variants, findings }
}

function checkLeftOut(data: Record<string, unknown>, twin: Twin, path: DataPath): Finding[] {
  const ids = eventIds(data)
  return twin.without.flatMap((id, i): Finding[] => {
    if (ids.includes(id)) return []
    const message = `no event is called "${id}"`
    return [{ path: [...path, 'without', i], on: 'value', message, hint: didYouMean(id, ids) }]
  })
}

/** The number of a twin is written down; the command that finds it again must know where it stands. */
function checkSolve(data: Record<string, unknown>, { set, solve }: Twin, path: DataPath): Finding[] {
  if (!solve) return []
  const ids = eventIds(data)
  const findings: Finding[] = []
  const check = (id: string, key: string) => {
    if (ids.includes(id)) return
    const message = `no event is called "${id}"`
    findings.push({ path: [...path, 'solve', key], on: 'value', message, hint: didYouMean(id, ids) })
  }
  check(solve.knob.split('.')[0]!, 'knob')
  if (solve.during !== undefined) check(solve.during, 'during')
  if (findings.length === 0 && set[solve.knob] === undefined) {
    const message = `the value of ${solve.knob} must stand in "set"`
    const hint = 'begin with that of the scenario: firedrill solve prints the right one'
    findings.push({ path: [...path, 'solve', 'knob'], on: 'value', message, hint })
  }
  return findings
}

interface Change {
  /** Place in the changed data. */
  readonly target: DataPath
  /** Place in the file that asked for it. */
  readonly source: DataPath
}

/** A copy of the scenario's data, and who changed what. */
class Changes {
  readonly data: Record<string, unknown>
  readonly findings: Finding[] = []
  readonly #changes: Change[] = []

  constructor(data: Record<string, unknown>, changes: readonly Change[] = []) {
    const { twins: _, ...rest } = data
    this.data = structuredClone(rest)
    this.#changes.push(...changes)
  }

  copy(): Changes {
    return new Changes(this.data, this.#changes)
  }

  set(key: string, value: unknown, source: DataPath): void {
    const target = this.targetOf(key)
    if (!target.path) {
      this.findings.push({ path: source, on: 'key', message: target.message, hint: target.hint })
      return
    }
    this.#changes.push({ target: target.path, source })
    let container: unknown = this.data
    for (const step of target.path.slice(0, -1)) {
      const holder = container as Record<string | number, unknown>
      if (holder[step] === undefined) holder[step] = {}
      container = holder[step]
    }
    const last = target.path.at(-1)!
    if (value !== null) (container as Record<string | number, unknown>)[last] = value
    else if (isMapping(container)) delete container[last]
  }

  /** A twin tells rules apart. What panels show is the scenario's own matter, unless the twin says something about them. */
  leaveOutPanels(): void {
    if (isMapping(this.data.expect)) delete this.data.expect.panels
  }

  /** `"*"` stands for every alert of the scenario; sections replace those of the scenario. */
  expect(expect: unknown, source: DataPath): void {
    if (!isMapping(expect)) return
    const base = isMapping(this.data.expect) ? this.data.expect : {}
    const alerts: Record<string, unknown> = { ...(isMapping(base.alerts) ? base.alerts : {}) }
    const sections: Record<string, unknown> = {}
    const all = expect['*']
    if (all !== undefined) {
      for (const name of Object.keys(alerts)) {
        alerts[name] = all
        this.#changes.push({ target: ['expect', 'alerts', name], source: [...source, '*'] })
      }
      if (all === 'silent' || all === 'may') sections.otherwise = all
    }
    for (const [key, value] of Object.entries(expect)) {
      if (key === '*') continue
      const isSection = ['otherwise', 'panels', 'logs', 'traces'].includes(key)
      if (isSection) sections[key] = value
      else alerts[key] = value
      this.#changes.push({ target: isSection ? ['expect', key] : ['expect', 'alerts', key], source: [...source, key] })
    }
    this.data.expect = { ...base, ...sections, alerts }
  }

  place(finding: Finding): Finding | undefined {
    const change = this.#changes.findLast(
      ({ target }) => startsWith(finding.path, target) || startsWith(target, finding.path),
    )
    if (!change) return undefined
    const rest = finding.path.slice(change.target.length)
    return { ...finding, path: [...change.source, ...rest], on: rest.length === 0 ? 'key' : finding.on }
  }

  /** From `stall.hold` or `load.0.perSecond` to a path in the data. */
  targetOf(
    key: string,
  ): { path: DataPath; message?: never; hint?: never } | { path?: never; message: string; hint?: string | undefined } {
    const [first, ...rest] = key.split('.')
    const ids = eventIds(this.data)
    const event = ids.indexOf(first!)
    if (event < 0 && !settable.includes(first!)) {
      return { message: `no event or section is called "${first}"`, hint: didYouMean(first!, [...ids, ...settable]) }
    }
    if (event >= 0 && rest.length === 0)
      return { message: `names a whole event; name one of its values, like "${first}.hold"` }
    const path: (string | number)[] = event >= 0 ? ['events', event] : [first!]
    for (const step of rest) {
      const container = valueAt(this.data, path)
      if (Array.isArray(container)) {
        const index = /^\d+$/.test(step) ? Number(step) : -1
        if (index < 0 || index >= container.length) {
          return {
            message: `${formatPath(path)} has no entry "${step}"`,
            hint: `its entries are 0 to ${container.length - 1}`,
          }
        }
        path.push(index)
      } else if (container === undefined || isMapping(container)) path.push(step)
      else return { message: `${formatPath(path)} is ${showValue(container)} and has no "${step}"` }
    }
    return { path }
  }
}

const settable = Object.keys(scenarioSchema.shape).filter((key) =>
  ['clock', 'counters', 'load', 'seed', 'steady', 'world', 'observe'].includes(key),
)

interface Choice {
  readonly key: string
  readonly value: unknown
  readonly suffix: string
}

function choicesOf(
  changed: Changes,
  key: string,
  vary: Twin['vary'][string],
  path: DataPath,
): { values: Choice[]; findings: Finding[] } {
  if ('set' in vary) return { values: vary.set.map((value) => ({ key, value, suffix: suffixOf(value) })), findings: [] }
  const target = changed.targetOf(key)
  // What is wrong with the key itself is found when it is set.
  if (!target.path) return { values: [{ key, value: 0, suffix: '' }], findings: [] }
  const base = valueAt(changed.data, target.path)
  if (base === undefined) {
    const message = 'the scenario does not say this value, so nothing can be added to it'
    return { values: [], findings: [{ path, on: 'key', message }] }
  }
  const values: Choice[] = []
  const findings: Finding[] = []
  for (const [i, add] of vary.add.entries()) {
    const sum = addTo(base, add)
    if (sum !== undefined) values.push({ key, value: sum, suffix: suffixOf(add) })
    else {
      const message = `${showValue(add)} cannot be added to ${showValue(base)}`
      findings.push({ path: [...path, 'add', i], on: 'value', message })
    }
  }
  return { values, findings }
}

function addTo(base: unknown, add: number | string): number | string | undefined {
  if (typeof base === 'number' && typeof add === 'number') return base + add
  if (typeof base !== 'string' || typeof add !== 'string') return undefined
  const baseMs = parseDurationMs(base)
  const addMs = parseDurationMs(add)
  if (baseMs === undefined || addMs === undefined || baseMs + addMs < 0) return undefined
  return formatDurationMs(baseMs + addMs)
}

function suffixOf(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text
    .replace(/^-/, 'minus-')
    .replaceAll(/[^a-zA-Z0-9.]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
}

function combine(lists: readonly (readonly Choice[])[]): Choice[][] {
  let combinations: Choice[][] = [[]]
  for (const list of lists) {
    combinations = combinations.flatMap((before) => list.map((choice) => [...before, choice]))
  }
  return combinations
}

function eventIds(data: Record<string, unknown>): string[] {
  if (!Array.isArray(data.events)) return []
  return data.events.map((event) => (isMapping(event) && typeof event.id === 'string' ? event.id : ''))
}

function startsWith(path: DataPath, start: DataPath): boolean {
  return start.length <= path.length && start.every((step, i) => step === path[i])
}
