/** The `expect` section with its windows in milliseconds since the start of the drill. */
import { formatDurationMs } from '../../services/runtime/duration.ts'
import type { EventTimes } from './event-times.ts'
import type { DataPath, Finding } from './problem.ts'
import type { AlertExpected, Expectations, TimeReference } from './scenario.ts'
import type { Scenario, WindowInFile } from './schema.ts'

/** Least change of a panel that counts as a move, as a share. */
const movesByDefault = 0.2

type ExpectInFile = Scenario['expect']

/** @returns the expectations; incomplete when there are findings. Findings about unknown events are left in `times`. */
export function resolveExpectations(
  expect: ExpectInFile | undefined,
  times: EventTimes,
  lengthMs: number,
): { value: Expectations; findings: Finding[] } {
  const resolver = new Resolver(times, lengthMs)
  const value: Expectations = {
    alerts: Object.fromEntries(
      Object.entries(expect?.alerts ?? {}).flatMap(([name, alert]) => {
        const resolved = resolver.alert(alert, ['expect', 'alerts', name])
        return resolved ? [[name, resolved]] : []
      }),
    ),
    otherwise: expect?.otherwise ?? 'silent',
    logs: resolver.list(expect?.logs ?? [], 'logs', (log, during) => ({
      service: log.service,
      event: log.event,
      level: log.level,
      fields: log.fields,
      ...during,
      atLeast: log.atLeast ?? (log.atMost === 0 ? 0 : 1),
      atMost: log.atMost,
    })),
    traces: resolver.list(expect?.traces ?? [], 'traces', (trace, during) => ({
      service: trace.service,
      through: trace.through,
      ...during,
      slowerThanMs: trace.slowerThan,
      error: trace.error,
      logs: trace.logs,
      atLeast: trace.atLeast,
    })),
    panels: resolver.list(expect?.panels ?? [], 'panels', (panel, during) => ({
      dashboard: panel.dashboard,
      panel: panel.panel,
      refId: panel.refId,
      legend: panel.legend,
      labels: panel.labels ?? {},
      ...during,
      has: panel.has,
      moves: panel.moves,
      by: panel.by ?? movesByDefault,
    })),
  }
  return { value, findings: resolver.findings }
}

interface During {
  readonly duringMs: readonly [number, number] | undefined
  readonly during: string | undefined
}

class Resolver {
  readonly findings: Finding[] = []
  readonly #times: EventTimes
  readonly #lengthMs: number

  constructor(times: EventTimes, lengthMs: number) {
    this.#times = times
    this.#lengthMs = lengthMs
  }

  alert(alert: ExpectInFile['alerts'][string], path: DataPath): AlertExpected | undefined {
    if (typeof alert === 'string') return { kind: alert }
    if (alert.because !== undefined) this.#times.knows(alert.because, [...path, 'because'])
    const firing = this.#window(alert.firing, [...path, 'firing'])
    const resolved = alert.resolved && this.#window(alert.resolved, [...path, 'resolved'])
    if (!firing || (alert.resolved && !resolved)) return undefined
    if (resolved && resolved.ms[1] < firing.ms[0]) {
      this.#report([...path, 'resolved'], 'is over before the alert may begin to fire')
    }
    return {
      kind: 'fires',
      because: alert.because,
      labels: alert.labels,
      firing: firing.ms,
      firingAfter: firing.after,
      resolved: resolved?.ms,
      resolvedAfter: resolved?.after,
      textComplete: alert.text === 'complete',
    }
  }

  /** What is said about an event that a twin leaves out is left out, too. */
  list<Item extends { during?: string | WindowInFile | undefined }, Result>(
    items: readonly Item[],
    section: string,
    make: (item: Item, during: During) => Result,
  ): Result[] {
    return items.flatMap((item, i) => {
      const about = typeof item.during === 'object' ? item.during.after : item.during
      if (about !== undefined && this.#times.isLeftOut(about.replace(/\.end$/, ''))) return []
      const during = this.#during(item.during, ['expect', section, i, 'during'])
      return during ? [make(item, during)] : []
    })
  }

  #during(during: string | WindowInFile | undefined, path: DataPath): During | undefined {
    if (during === undefined) return { duringMs: undefined, during: undefined }
    if (typeof during === 'object') {
      const window = this.#window(during, path)
      if (!window) return undefined
      const [from, to] = during.between.map(formatDurationMs)
      return { duringMs: window.ms, during: `${from} to ${to} after ${during.after}` }
    }
    if (!this.#times.knows(during, path)) return undefined
    const time = this.#times.of(during)
    return time && { duringMs: [time.startMs, time.endMs], during }
  }

  #window(window: WindowInFile, path: DataPath): { ms: [number, number]; after: TimeReference } | undefined {
    const [earliest, latest] = window.between
    if (earliest > latest) {
      this.#report([...path, 'between'], `${formatDurationMs(earliest)} comes after ${formatDurationMs(latest)}`)
      return undefined
    }
    const after = this.#reference(window.after, [...path, 'after'])
    if (!after) return undefined
    const ms: [number, number] = [after.ms + earliest, after.ms + latest]
    if (ms[1] > this.#lengthMs) {
      const message = `ends at ${formatDurationMs(ms[1])}, but the drill ends at ${formatDurationMs(this.#lengthMs)}`
      this.#report([...path, 'between'], message)
      return undefined
    }
    return { ms, after }
  }

  #reference(text: string, path: DataPath): TimeReference | undefined {
    if (text === 'start') return { text, ms: 0 }
    const id = text.replace(/\.end$/, '')
    if (!this.#times.knows(id, path)) return undefined
    const time = this.#times.of(id)
    if (!time) return undefined
    if (id === text) return { text, ms: time.startMs }
    if (time.ends) return { text, ms: time.endMs }
    this.#report(path, `"${id}" has no end: it lasts to the end of the drill`, 'give the event "hold" or "until"')
    return undefined
  }

  #report(path: DataPath, message: string, hint?: string): void {
    this.findings.push({ path, on: 'value', message, hint })
  }
}
