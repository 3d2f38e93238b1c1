/** The faults that are active in the live world: injected by hand or by a scenario, healed by hand, by time or at the end. */
import { type LiveClock, machineTimers } from '../../services/runtime/live/live-clock.ts'
import type { ActiveFault, FaultDefinition, FaultWorld } from '../faults/define-fault.ts'
import { faults, findFault } from '../faults/index.ts'
import { nearestOf } from '../scenario/did-you-mean.ts'
import { formatPath } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { UnsupportedFaultError } from './platform-state.ts'

export interface FaultRequest {
  /** Name of the fault, for example `service.crash`. */
  readonly fault: string
  /** `target` and the fault's own parameters, as in a scenario file. */
  readonly params: Readonly<Record<string, unknown>>
  /** 0 to 1; full when left out. */
  readonly severity?: number
  /** The parameters have passed the fault's schema already, as those of a scenario have. */
  readonly validated?: boolean
  /** Heals by itself after this time, milliseconds of the platform. */
  readonly holdMs?: number
}

export interface ListedFault {
  readonly id: string
  readonly fault: string
  readonly description: string
  /** When it began, by the machine's clock. */
  readonly since: string
  /** When it heals by itself, by the machine's clock; absent: only when somebody asks. */
  readonly until?: string
}

/** What the one who asks did wrong, for people: all of it at once. */
export class FaultRequestError extends Error {
  override readonly name = 'FaultRequestError'
}

export class FaultBoard {
  readonly #world: FaultWorld
  readonly #clock: LiveClock
  readonly #changed: () => void
  readonly #audit: (line: string) => void
  readonly #active = new Map<string, { listed: ListedFault; fault: ActiveFault; cancel: () => void }>()
  #count = 0

  /** @param audit takes a line for each fault that begins or ends */
  constructor(world: FaultWorld, clock: LiveClock, changed: () => void, audit: (line: string) => void) {
    this.#world = world
    this.#clock = clock
    this.#changed = changed
    this.#audit = audit
  }

  list(): ListedFault[] {
    return [...this.#active.values()].map(({ listed }) => listed)
  }

  /** @param by who asked, for the audit line @throws FaultRequestError */
  inject(request: FaultRequest, by: string, name?: string): ListedFault {
    const definition = findFault(request.fault)
    if (!definition) {
      const nearest = nearestOf(
        request.fault,
        faults.map(({ name }) => name),
      )
      const hint = nearest ? `; did you mean "${nearest}"?` : '; firedrill fault list --available shows all'
      throw new FaultRequestError(`no fault is called "${request.fault}"${hint}`)
    }
    const params = request.validated ? request.params : validate(definition, request)
    if (request.severity !== undefined && request.severity !== 1 && !definition.graded) {
      throw new FaultRequestError(`${request.fault} has no degrees: leave severity out`)
    }
    let fault: ActiveFault
    try {
      fault = definition.start(this.#world, params)
    } catch (error) {
      if (error instanceof UnsupportedFaultError) throw new FaultRequestError(`${request.fault}: ${error.message}`)
      throw error
    }
    const id = name ?? `f${++this.#count}`
    const description = definition.describe(params)
    const { holdMs } = request
    const listed = { id, fault: request.fault, description, ...this.#times(holdMs) }
    const cancel = holdMs === undefined ? () => {} : this.#clock.after(holdMs, () => this.heal(id, 'time'))
    this.#active.set(id, { listed, fault, cancel })
    this.setSeverity(id, request.severity ?? 1)
    this.#audit(`fault ${id} injected by ${by}: ${request.fault}: ${description}`)
    return listed
  }

  setSeverity(id: string, severity: number): void {
    this.#active.get(id)?.fault.setSeverity(severity)
    this.#changed()
  }

  /** @returns what was healed; undefined when no fault has this id */
  heal(id: string, by: string): ListedFault | undefined {
    const entry = this.#active.get(id)
    if (!entry) return undefined
    this.#active.delete(id)
    entry.cancel()
    entry.fault.stop()
    this.#changed()
    this.#audit(`fault ${id} healed by ${by}: ${entry.listed.fault}`)
    return entry.listed
  }

  healAll(by: string): ListedFault[] {
    return [...this.#active.keys()].flatMap((id) => this.heal(id, by) ?? [])
  }

  #times(holdMs: number | undefined): Pick<ListedFault, 'since' | 'until'> {
    const nowMs = machineTimers.nowMs()
    const since = new Date(nowMs).toISOString()
    return holdMs === undefined
      ? { since }
      : { since, until: new Date(nowMs + this.#clock.wallMs(holdMs)).toISOString() }
  }
}

/** Every problem at once. @throws FaultRequestError */
function validate(definition: FaultDefinition<unknown>, { fault, params }: FaultRequest): unknown {
  const { value, findings } = checkSchema(definition.schema, params)
  if (findings.length === 0) return value
  const problems = findings.map(
    ({ path, message, hint }) => `${formatPath(path) || 'parameters'}: ${message}${hint ? ` (${hint})` : ''}`,
  )
  throw new FaultRequestError(`${fault}: ${problems.join('; ')}`)
}
