/**
 * The clients of the platform: users of tenants who arrive at random and make a journey of several calls each. They are
 * no service: they wait, get an answer or none, and go on or leave.
 */
import type { Rng, ServiceRequest, ServiceResponse } from '../../services/runtime/ports.ts'
import { latencyAt } from '../../services/runtime/rng.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { LoadStage } from '../scenario/scenario.ts'
import type { World } from '../world/world-schema.ts'
import { requestsPerSecondAt } from './arrivals.ts'
import { createPopularity, type NamedTenant } from './tenants.ts'

export interface WorkloadOptions {
  readonly kernel: Pick<Kernel, 'nowMs' | 'after' | 'sleep' | 'spawn'>
  readonly rng: Rng
  readonly world: World
  readonly tenants: readonly NamedTenant[]
  readonly stages: readonly LoadStage[]
  /** Unix time of the start of the drill, milliseconds. */
  readonly startMs: number
  /** Sends a request to the backend API. Calls back with the answer, or without one when the connection failed. */
  send(request: ServiceRequest, done: (response: ServiceResponse | undefined) => void): void
}

/** When there is no load at all, the arrivals look again after this time. */
const idleMs = 1_000

export class Workload {
  readonly #options: WorkloadOptions
  readonly #arrivals: Rng
  readonly #choices: Rng
  readonly #journeys: { weight: number; journey: World['journeys'][number] }[]
  readonly #callsPerJourney: number
  readonly #sources: Source[]
  readonly #factorsForAll: number[] = []
  /** Requests sent. */
  sent = 0

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#arrivals = options.rng.fork('workload/arrivals')
    this.#choices = options.rng.fork('workload/choices')
    const { journeys } = options.world
    this.#journeys = journeys.map((journey) => ({ weight: journey.weight, journey }))
    const totalWeight = journeys.reduce((sum, journey) => sum + journey.weight, 0)
    this.#callsPerJourney =
      journeys.reduce((sum, journey) => sum + journey.weight * journey.calls.length, 0) / totalWeight
    this.#sources = options.tenants
      .filter((tenant) => tenant.status !== 'suspended')
      .map((tenant) => ({
        tenant,
        weight: tenant.weight,
        factors: [],
        users: createPopularity(tenant.users),
        items: createPopularity(tenant.items),
      }))
  }

  start(): void {
    this.#options.kernel.after(this.#gapMs(), this.#arrive)
  }

  /** Multiplies the load of a tenant (id, or rank by size), or of all. @returns takes it back */
  multiply(tenant: string | undefined, factor: number): () => void {
    if (tenant === undefined) {
      return multiplyBy(this.#factorsForAll, factor)
    }
    const source = this.#sources.find(
      (candidate) => candidate.tenant.id === tenant || String(candidate.tenant.rank) === tenant,
    )
    if (!source) throw new Error(`no tenant is called "${tenant}"`)
    return multiplyBy(source.factors, factor)
  }

  readonly #arrive = (): void => {
    if (this.#journeysPerSecond() > 0) this.#options.kernel.spawn(this.#travel())
    this.#options.kernel.after(this.#gapMs(), this.#arrive)
  }

  #gapMs(): number {
    const perSecond = this.#journeysPerSecond()
    return perSecond > 0 ? (this.#arrivals.exponential() * 1000) / perSecond : idleMs
  }

  #journeysPerSecond(): number {
    const { kernel, stages, startMs } = this.#options
    const base = requestsPerSecondAt(stages, kernel.nowMs, startMs) / this.#callsPerJourney
    let usual = 0
    let now = 0
    for (const source of this.#sources) {
      usual += source.weight
      now += source.weight * productOf(source.factors)
    }
    return base * productOf(this.#factorsForAll) * (now / usual)
  }

  async #travel(): Promise<void> {
    const choices = this.#choices
    const source = pickByWeight(
      this.#sources,
      (candidate) => candidate.weight * productOf(candidate.factors),
      choices.next(),
    )
    const { journey } = pickByWeight(this.#journeys, (candidate) => candidate.weight, choices.next())
    const user = `u${source.users(choices)}`
    const wrongToken = choices.chance(this.#options.world.wrongTokens)
    const headers = { authorization: wrongToken ? 'Bearer forged' : `Bearer ${source.tenant.id}/${user}` }
    const thinkSeed = choices.next()
    for (let i = 0; i < journey.calls.length; i += 1) {
      if (i > 0) {
        const share = (thinkSeed * (i + 1) * 7.13) % 1
        await this.#options.kernel.sleep(latencyAt(journey.think, share))
      }
      const response = await this.#send(this.#requestFor(journey.calls[i]!, source, headers))
      // Who gets no answer, or is turned away, leaves.
      if (!response || response.status >= 400) return
    }
  }

  #send(request: ServiceRequest): Promise<ServiceResponse | undefined> {
    this.sent += 1
    return new Promise((resolve) => this.#options.send(request, resolve))
  }

  #requestFor(
    call: World['journeys'][number]['calls'][number],
    source: Source,
    headers: Record<string, string>,
  ): ServiceRequest {
    switch (call) {
      case 'token':
        return { route: 'POST /token', params: {}, headers, body: {}, bodyBytes: 220 }
      case 'recommendations':
        return { route: 'GET /recommendations', params: {}, headers, body: undefined, bodyBytes: 0 }
      case 'item':
        return {
          route: 'GET /items/{id}',
          params: { id: `i${source.items(this.#choices)}` },
          headers,
          body: undefined,
          bodyBytes: 0,
        }
      case 'usage':
        return { route: 'GET /usage', params: {}, headers, body: undefined, bodyBytes: 0 }
      case 'interactions': {
        const [least, most] = this.#options.world.backendApi.eventsPerInteraction
        const events = least + this.#choices.int(most - least + 1)
        // Better recommendations are clicked more often.
        const clicks = Math.round(events * 0.2 * source.tenant.quality)
        return {
          route: 'POST /interactions',
          params: {},
          headers,
          body: { events, clicks },
          bodyBytes: 60 + events * 140,
        }
      }
    }
  }
}

interface Source {
  readonly tenant: NamedTenant
  readonly weight: number
  /** In force at the same time; they multiply. A list, because a factor of 0 could not be divided out again. */
  readonly factors: number[]
  readonly users: (rng: Rng) => number
  readonly items: (rng: Rng) => number
}

/** @returns takes the factor back */
function multiplyBy(factors: number[], factor: number): () => void {
  factors.push(factor)
  return () => {
    const at = factors.indexOf(factor)
    if (at >= 0) factors.splice(at, 1)
  }
}

function productOf(factors: readonly number[]): number {
  return factors.reduce((product, factor) => product * factor, 1)
}

/** @param share in [0, 1) */
function pickByWeight<T>(items: readonly T[], weightOf: (item: T) => number, share: number): T {
  let total = 0
  for (const item of items) total += weightOf(item)
  let rest = share * total
  for (const item of items) {
    rest -= weightOf(item)
    if (rest < 0) return item
  }
  return items.at(-1)!
}
