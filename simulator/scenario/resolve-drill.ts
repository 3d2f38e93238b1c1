/**
 * From the data of a scenario file to a drill: checks what the schema cannot say, and resolves every time to milliseconds
 * since the start. Goes on after a problem as far as the rest makes sense, so that all problems come at once.
 */
import { formatDurationMs } from '../../services/runtime/duration.ts'
import type { World } from '../world/world-schema.ts'
import { estimateSeries } from './estimate-series.ts'
import { checkEventTimes, EventTimes, type PlacedEvent } from './event-times.ts'
import type { DataPath, Finding } from './problem.ts'
import { resolveExpectations } from './resolve-expectations.ts'
import type { Drill, DrillEvent, LoadStage } from './scenario.ts'
import { eventKeys, eventSchema, type Scenario, type Solve, scenarioSchema } from './schema.ts'
import { checkSchema, isMapping, valueAt } from './schema-problems.ts'
import { checkTargets } from './world-checks.ts'

export interface ResolveOptions {
  readonly file: string
  readonly twin:
    | {
        readonly name: string
        readonly title?: string | undefined
        readonly tags?: readonly string[] | undefined
        readonly solve?: Solve | undefined
      }
    | undefined
  /** Ids of events that this twin leaves out. */
  readonly leftOut: ReadonlySet<string>
  /** @returns the world of this name; undefined when there is none or it is wrong, which is reported elsewhere */
  loadWorld(name: string): World | undefined
  /** Most series that a drill may make. */
  readonly seriesMax: number
}

export interface ResolvedDrill {
  /** Undefined when there are findings. */
  readonly drill: Drill | undefined
  readonly findings: readonly Finding[]
}

/** @param data a scenario as it stands in the file */
export function resolveDrill(data: unknown, options: ResolveOptions): ResolvedDrill {
  const { value: scenario, findings: wrong } = checkSchema(scenarioSchema, data)
  const findings: Finding[] = wrong.map(explainSeverity)
  if (!isMapping(data)) return { drill: undefined, findings }

  const lengthMs = partOf(data, 'clock')?.length ?? Number.POSITIVE_INFINITY
  const startMs = Date.parse(partOf(data, 'clock')?.start ?? '')
  const start = partOf(data, 'clock')?.start
  if (start !== undefined && !isDayOfCalendar(start)) {
    findings.push({ path: ['clock', 'start'], on: 'value', message: 'is not a day of the calendar' })
  }
  const { events, brokenIds, findings: idFindings } = placeEvents(data, options.leftOut)
  const times = new EventTimes({ events, brokenIds, leftOut: options.leftOut, lengthMs })
  findings.push(...idFindings, ...checkEventTimes(times, events, lengthMs))
  findings.push(...checkSteady(partOf(data, 'steady'), times, events, lengthMs))
  findings.push(...checkObserve(partOf(data, 'observe') ?? [], lengthMs))

  const { stages, findings: loadFindings } = resolveLoad(partOf(data, 'load'), lengthMs)
  findings.push(...loadFindings)

  const expectations = resolveExpectations(partOf(data, 'expect'), times, lengthMs)
  findings.push(...expectations.findings, ...times.findings)

  const worldName = partOf(data, 'world')
  const named = worldName === undefined ? undefined : options.loadWorld(worldName)
  const world = named && { ...named, counters: { ...named.counters, ...partOf(data, 'counters') } }
  if (world) {
    findings.push(...checkTargets(events, world))
    const series = Number.isFinite(lengthMs) ? estimateSeries(world, lengthMs) : 0
    if (series > options.seriesMax) {
      const message = `would make about ${formatCount(series)} series, more than ${formatCount(options.seriesMax)}`
      findings.push({ path: ['world'], on: 'value', message, hint: 'use --force to run it all the same' })
    }
  }

  if (findings.length > 0 || !scenario || !world) return { drill: undefined, findings }
  const { twin } = options
  const drill: Drill = {
    name: twin ? `${scenario.scenario}/${twin.name}` : scenario.scenario,
    scenario: scenario.scenario,
    twin: twin?.name,
    title: twin?.title ?? scenario.title,
    tags: twin?.tags ?? scenario.tags,
    file: options.file,
    seed: scenario.seed,
    startMs,
    lengthMs,
    world,
    load: stages,
    steady: scenario.steady && {
      fromMs: scenario.steady.from,
      allowed: scenario.steady.alerts === 'none' ? [] : scenario.steady.alerts,
    },
    events: events.map((placed) => resolveEvent(placed, times)),
    observe: scenario.observe.map(({ gap, job, at, hold }) => ({ gap, job, startMs: at, endMs: at + hold })),
    expect: expectations.value,
    ...(twin?.solve && { solve: twin.solve }),
  }
  return { drill, findings }
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isDayOfCalendar(start: string): boolean {
  const ms = Date.parse(start)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(start.slice(0, -1))
}

/** Three digits are enough for an estimate: 736,966 becomes 737,000. */
function formatCount(count: number): string {
  const rounded = Number(count.toPrecision(3))
  return String(rounded).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** One section, when it is right in itself. */
function partOf<Key extends keyof Scenario>(data: Record<string, unknown>, key: Key): Scenario[Key] | undefined {
  const result = scenarioSchema.shape[key].safeParse(data[key])
  return result.success ? (result.data as Scenario[Key]) : undefined
}

/** A fault without degrees has no severity: say that instead of "unknown key". */
function explainSeverity(finding: Finding): Finding {
  const isSeverity = finding.on === 'key' && finding.path[0] === 'events' && finding.path.at(-1) === 'severity'
  if (!isSeverity || finding.path.length !== 3) return finding
  return { ...finding, message: 'this fault has no degrees', hint: 'leave severity out' }
}

/** Names that stand for something else where an event could be named. */
const reservedIds: ReadonlySet<string> = new Set(['start', 'end', ...Object.keys(scenarioSchema.shape)])

function placeEvents(
  data: Record<string, unknown>,
  leftOut: ReadonlySet<string>,
): { events: PlacedEvent[]; brokenIds: Set<string>; findings: Finding[] } {
  const events: PlacedEvent[] = []
  const brokenIds = new Set<string>()
  const findings: Finding[] = []
  const seen = new Map<string, number>()
  for (const [i, item] of (Array.isArray(data.events) ? data.events : []).entries()) {
    const path: DataPath = ['events', i]
    const id = valueAt(item, ['id'])
    if (typeof id === 'string') {
      if (reservedIds.has(id))
        findings.push({ path: [...path, 'id'], on: 'value', message: `"${id}" cannot be the id of an event` })
      const first = seen.get(id)
      if (first !== undefined)
        findings.push({ path: [...path, 'id'], on: 'value', message: `"${id}" is the id of events[${first}] already` })
      else seen.set(id, i)
      if (leftOut.has(id)) continue
    }
    const parsed = eventSchema.safeParse(item)
    if (parsed.success) events.push({ path, event: parsed.data })
    else if (typeof id === 'string') brokenIds.add(id)
  }
  return { events, brokenIds, findings }
}

function resolveEvent({ event }: PlacedEvent, times: EventTimes): DrillEvent {
  const { startMs, endMs, ends } = times.of(event.id)!
  const severity =
    typeof event.severity === 'object'
      ? { from: event.severity.from, to: event.severity.to, overMs: event.severity.over }
      : { from: event.severity ?? 1, to: event.severity ?? 1, overMs: 0 }
  const params = Object.fromEntries(Object.entries(event).filter(([key]) => !eventKeys.includes(key)))
  return { id: event.id, fault: event.fault, startMs, endMs, ends, severity, params }
}

function checkSteady(
  steady: Scenario['steady'],
  times: EventTimes,
  events: readonly PlacedEvent[],
  lengthMs: number,
): Finding[] {
  if (!steady) return []
  const path = ['steady', 'from']
  const from = formatDurationMs(steady.from)
  if (steady.from >= lengthMs) {
    return [
      { path, on: 'value', message: `${from} is not before the end of the drill at ${formatDurationMs(lengthMs)}` },
    ]
  }
  const starts = events.flatMap(({ event }) => times.of(event.id) ?? []).map((time) => time.startMs)
  const first = Math.min(...starts)
  if (steady.from < first) return []
  return [{ path, on: 'value', message: `${from} is not before the first fault at ${formatDurationMs(first)}` }]
}

function checkObserve(observe: Scenario['observe'], lengthMs: number): Finding[] {
  return observe.flatMap(({ at, hold }, i): Finding[] => {
    if (at + hold <= lengthMs) return []
    const [key, verb, ms] = at >= lengthMs ? ['at', 'starts', at] : ['hold', 'ends', at + hold]
    const message = `${verb} at ${formatDurationMs(Number(ms))}, but the drill ends at ${formatDurationMs(lengthMs)}`
    return [{ path: ['observe', i, key as string], on: 'value', message }]
  })
}

function resolveLoad(
  load: Scenario['load'] | undefined,
  lengthMs: number,
): { stages: LoadStage[]; findings: Finding[] } {
  const stages: LoadStage[] = []
  const findings: Finding[] = []
  let startMs = 0
  for (const [i, stage] of (load ?? []).entries()) {
    const isLast = i === load!.length - 1
    if (stage.for === undefined && !isLast) {
      findings.push({
        path: ['load', i, 'for'],
        on: 'value',
        message: 'is missing; only the last stage may leave it out',
      })
    }
    const endMs = stage.for === undefined ? Math.max(startMs, lengthMs) : startMs + stage.for
    if (stage.for === undefined && isLast && startMs >= lengthMs) {
      const message = `starts at ${formatDurationMs(startMs)}, but the drill ends at ${formatDurationMs(lengthMs)}`
      findings.push({ path: ['load', i], on: 'value', message })
    }
    const { perSecond } = stage
    const [fromPerSecond, toPerSecond] =
      typeof perSecond === 'number' ? [perSecond, perSecond] : [perSecond.from, perSecond.to]
    stages.push({ startMs, endMs, fromPerSecond, toPerSecond, daily: stage.daily })
    startMs = endMs
  }
  if (load && findings.length === 0 && Number.isFinite(lengthMs) && startMs !== lengthMs) {
    const message = `the stages last ${formatDurationMs(startMs)}, but the drill ${formatDurationMs(lengthMs)}`
    findings.push({ path: ['load'], on: 'value', message, hint: 'the last stage may leave out "for"' })
  }
  return { stages, findings }
}
