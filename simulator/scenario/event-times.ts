/** When the events of a scenario start and end, where one may be timed from another; finds circles and unknown names. */
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { didYouMean } from './did-you-mean.ts'
import type { DataPath, Finding } from './problem.ts'
import type { RelativeTime, ScenarioEvent } from './schema.ts'

export interface PlacedEvent {
  readonly path: DataPath
  readonly event: ScenarioEvent
}

export interface EventTime {
  readonly startMs: number
  readonly endMs: number
  /** False: it lasts to the end of the drill because nothing ends it. */
  readonly ends: boolean
}

export interface EventTimesOptions {
  readonly events: readonly PlacedEvent[]
  /** Ids whose events are wrong otherwise: they exist, but have no times. */
  readonly brokenIds: ReadonlySet<string>
  /** Ids that this twin leaves out. */
  readonly leftOut: ReadonlySet<string>
  readonly lengthMs: number
}

export class EventTimes {
  readonly findings: Finding[] = []
  readonly #options: EventTimesOptions
  readonly #byId: ReadonlyMap<string, PlacedEvent>
  readonly #known = new Map<string, number | undefined>()
  readonly #asking: string[] = []

  constructor(options: EventTimesOptions) {
    this.#options = options
    this.#byId = new Map(options.events.toReversed().map((placed) => [placed.event.id, placed]))
  }

  /** @returns undefined when its times cannot be told; then there is a finding */
  of(id: string): EventTime | undefined {
    const placed = this.#byId.get(id)
    if (!placed) return undefined
    const startMs = this.#moment(placed, 'start')
    const endMs = this.#moment(placed, 'end')
    if (startMs === undefined || endMs === undefined) return undefined
    return { startMs, endMs, ends: placed.event.hold !== undefined || placed.event.until !== undefined }
  }

  /** The ids that can be named, for messages. */
  get ids(): string[] {
    return [...this.#byId.keys(), ...this.#options.brokenIds]
  }

  isLeftOut(id: string): boolean {
    return this.#options.leftOut.has(id)
  }

  /** @returns whether the id is one that can be asked for; reports it when it is not */
  knows(id: string, path: DataPath): boolean {
    if (this.#byId.has(id)) return true
    if (this.#options.brokenIds.has(id)) return false
    const message = this.isLeftOut(id) ? `the event "${id}" is left out here` : `no event is called "${id}"`
    this.findings.push({ path, on: 'value', message, hint: this.isLeftOut(id) ? undefined : didYouMean(id, this.ids) })
    return false
  }

  #moment(placed: PlacedEvent, which: 'start' | 'end'): number | undefined {
    const name = which === 'start' ? placed.event.id : `${placed.event.id}.end`
    if (this.#known.has(name)) return this.#known.get(name)
    if (this.#asking.includes(name)) {
      const circle = [...this.#asking.slice(this.#asking.indexOf(name)), name].join(' -> ')
      this.findings.push({ path: placed.path, on: 'value', message: `is timed from itself: ${circle}` })
      return undefined
    }
    this.#asking.push(name)
    const ms = which === 'start' ? this.#start(placed) : this.#end(placed)
    this.#asking.pop()
    if (!this.#known.has(name)) this.#known.set(name, ms)
    return ms
  }

  #start({ event, path }: PlacedEvent): number | undefined {
    if (event.at !== undefined && event.after !== undefined) {
      this.findings.push({ path: [...path, 'after'], on: 'key', message: 'stands beside "at": an event has one start' })
      return undefined
    }
    if (event.after !== undefined) return this.#relative(event.after, [...path, 'after'])
    if (event.at !== undefined) return event.at
    this.findings.push({ path, on: 'value', message: 'has no start', hint: 'write "at" or "after"' })
    return undefined
  }

  #end({ event, path }: PlacedEvent): number | undefined {
    if (event.hold !== undefined && event.until !== undefined) {
      this.findings.push({ path: [...path, 'until'], on: 'key', message: 'stands beside "hold": an event has one end' })
      return undefined
    }
    if (event.until !== undefined) return this.#relative(event.until, [...path, 'until'])
    if (event.hold === undefined) return this.#options.lengthMs
    const startMs = this.#moment({ event, path }, 'start')
    return startMs === undefined ? undefined : startMs + event.hold
  }

  #relative(time: RelativeTime, path: DataPath): number | undefined {
    if (!this.knows(time.event, [...path, 'event'])) return undefined
    const ms = this.#moment(this.#byId.get(time.event)!, time.ends ? 'end' : 'start')
    return ms === undefined ? undefined : ms + time.plus
  }
}

/** Events that lie outside of the drill or end before they start. */
export function checkEventTimes(times: EventTimes, events: readonly PlacedEvent[], lengthMs: number): Finding[] {
  return events.flatMap(({ event, path }): Finding[] => {
    const time = times.of(event.id)
    if (!time) return []
    const length = formatDurationMs(lengthMs)
    const on = 'value' as const
    if (time.startMs >= lengthMs) {
      const message = `starts at ${formatDurationMs(time.startMs)}, but the drill ends at ${length}`
      return [{ path: [...path, event.at === undefined ? 'after' : 'at'], on, message }]
    }
    if (time.endMs <= time.startMs) {
      const message = `ends at ${formatDurationMs(time.endMs)}, but starts at ${formatDurationMs(time.startMs)}`
      return [{ path: [...path, 'until'], on, message }]
    }
    if (time.endMs > lengthMs) {
      const message = `ends at ${formatDurationMs(time.endMs)}, but the drill ends at ${length}`
      const hint = 'leave the end out when it lasts to the end of the drill'
      return [{ path: [...path, event.until === undefined ? 'hold' : 'until'], on, message, hint }]
    }
    return []
  })
}
