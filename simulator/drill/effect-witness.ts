/**
 * Watches whether faults do what they declare: reads the declared numbers from the platform itself (so that no scrape
 * config can hide them) at a steady pace, and compares the time of the event with an equal time before it.
 */
import { findFault, type VisibleEffect } from '../faults/index.ts'
import type { Drill, DrillEvent } from '../scenario/scenario.ts'
import type { NamedTenant } from '../workload/tenants.ts'
import type { VirtualWorld } from '../world/virtual-world.ts'
import type { EffectEvidence } from './drill-evidence.ts'
import type { EffectResult } from './drill-result.ts'

const readEveryMs = 10_000
/** A change counts from this share on, unless the fault says otherwise. */
const leastDefault = 0.2

/** A platform that can be watched, in either world. Times are milliseconds since the start of the drill. */
export interface WitnessedPlatform {
  readonly tenants: readonly NamedTenant[]
  nowMs(): number
  /** What a service reads on its clock now: milliseconds since the Unix epoch. */
  unixMs(): number
  sleep(ms: number): Promise<void>
  spawn(flow: Promise<void>): void
  /** One round of readings: what a process shows is read once. */
  beginReading(): PlatformReader
}

export interface PlatformReader {
  isReachable(process: string): Promise<boolean>
  /** @returns undefined while there is nothing to read */
  samplesOf(process: string, metric: string): Promise<readonly WitnessedSample[] | undefined>
}

export interface WitnessedSample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** With `_sum`, `_count` and the like. */
  readonly metricName?: string
}

interface Watch {
  readonly event: DrillEvent
  readonly effect: VisibleEffect
  readonly readings: { readonly atMs: number; readonly value: number; readonly count: number }[]
}

export class EffectWitness {
  readonly #world: WitnessedPlatform
  readonly #watches: Watch[]
  readonly #drill: Drill

  constructor(world: WitnessedPlatform, drill: Drill) {
    this.#world = world
    this.#drill = drill
    this.#watches = drill.events.flatMap((event) =>
      findFault(event.fault)!
        .visible(event.params)
        .map((effect) => ({ event, effect: withTenantId(effect, world), readings: [] })),
    )
  }

  start(): void {
    if (this.#watches.length > 0) this.#world.spawn(this.#watch())
  }

  /** One result for each event: ok when at least one of the declared changes was seen. */
  results(): EffectResult[] {
    return this.#drill.events.map((event) => {
      const changes = this.#watches
        .filter((watch) => watch.event === event)
        .map((watch) => compare(watch, this.#drill.lengthMs))
      const ok = changes.some((change) => change.seen)
      const shown = changes.filter((change) => change.seen === ok)
      return { event: event.id, fault: event.fault, ok, detail: shown.map((change) => change.text).join('; ') }
    })
  }

  /** What was read over time, as people look at it: counters by their rate. */
  readings(): EffectEvidence[] {
    return this.#watches.map(({ event, effect, readings }) => ({
      event: event.id,
      what: effect.what,
      direction: effect.direction,
      ...seriesOf(effect, readings),
    }))
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#world.sleep(readEveryMs)
      const atMs = this.#world.nowMs()
      const reader = this.#world.beginReading()
      for (const watch of this.#watches) {
        if (atMs > watch.event.endMs || atMs < 2 * watch.event.startMs - watch.event.endMs) continue
        const reading = await read(watch.effect, reader, this.#world.unixMs())
        if (reading) watch.readings.push({ atMs, ...reading })
      }
    }
  }
}

/** What the virtual world shows a witness. */
export function witnessedWorld(world: VirtualWorld): WitnessedPlatform {
  const { kernel } = world
  return {
    tenants: world.tenants,
    nowMs: () => kernel.nowMs,
    unixMs: () => world.clock.nowMs(),
    sleep: (ms) => kernel.sleep(ms),
    spawn: (flow) => kernel.spawn(flow),
    beginReading() {
      const refreshed = new Set<string>()
      return {
        async isReachable(name) {
          const { life } = world.process(name)
          return life !== undefined && !life.frozen
        },
        async samplesOf(name, metric) {
          const { life, program } = world.process(name)
          if (!life || !program || life.frozen) return undefined
          if (!refreshed.has(name)) {
            refreshed.add(name)
            program.beforeScrape?.()
          }
          const found = await life.registry.getSingleMetric(metric)?.get()
          return found?.values as readonly WitnessedSample[] | undefined
        },
      }
    },
  }
}

/** @returns undefined while there is nothing to read */
async function read(
  effect: VisibleEffect,
  reader: PlatformReader,
  unixMs: number,
): Promise<{ value: number; count: number } | undefined> {
  if (effect.as === 'reachable') return { value: (await reader.isReachable(effect.process)) ? 1 : 0, count: 0 }
  const samples = await reader.samplesOf(effect.process, effect.metric)
  if (!samples) return undefined
  let value = effect.as === 'max' ? Number.NEGATIVE_INFINITY : effect.as === 'min' ? Number.POSITIVE_INFINITY : 0
  let count = 0
  let found = false
  for (const sample of samples) {
    if (!matches(effect, sample.labels)) continue
    found = true
    if (effect.as === 'mean') {
      if (sample.metricName?.endsWith('_sum')) value += sample.value
      else if (sample.metricName?.endsWith('_count')) count += sample.value
    } else if (effect.as === 'max') {
      value = Math.max(value, sample.value)
    } else if (effect.as === 'min') {
      value = Math.min(value, sample.value)
    } else {
      value += sample.value
    }
  }
  if (effect.as === 'age') return found && value > 0 ? { value: unixMs / 1000 - value, count } : undefined
  return found || Number.isFinite(value) ? { value, count } : undefined
}

/** A scenario may name a tenant by its rank; metrics carry ids. */
function withTenantId(effect: VisibleEffect, world: Pick<WitnessedPlatform, 'tenants'>): VisibleEffect {
  const tenant = effect.where?.tenant_id
  const id = world.tenants.find(({ rank }) => String(rank) === tenant)?.id
  return id === undefined ? effect : { ...effect, where: { ...effect.where, tenant_id: id } }
}

function matches({ where }: VisibleEffect, labels: Readonly<Record<string, string | number>>): boolean {
  return Object.entries(where ?? {}).every(([name, wanted]) => {
    const value = String(labels[name] ?? '')
    if (wanted instanceof RegExp) return wanted.test(value)
    return typeof wanted === 'string' ? wanted === value : wanted.includes(value)
  })
}

interface Change {
  readonly seen: boolean
  readonly text: string
}

function compare({ event, effect, readings }: Watch, lengthMs: number): Change {
  const endMs = Math.min(event.endMs, lengthMs)
  // At the very start the fault acts already, at the very end it does not any more. What counts up is read at both ends.
  const isCount = effect.as === 'rate' || effect.as === 'increase' || effect.as === 'mean'
  const before = summarise(
    effect,
    readings.filter(({ atMs }) => atMs < event.startMs || (isCount && atMs === event.startMs)),
  )
  const during = summarise(
    effect,
    readings.filter(({ atMs }) => atMs >= event.startMs && (atMs < endMs || (isCount && atMs === endMs))),
  )
  if (before === undefined || during === undefined) return { seen: false, text: `${effect.what}: could not be read` }
  const difference = effect.direction === 'up' ? during - before : before - during
  const seen = difference > 0 && difference >= Math.abs(before) * (effect.least ?? leastDefault)
  return { seen, text: `${effect.what}: ${formatNumber(before)} before, ${formatNumber(during)} during` }
}

function summarise({ as }: VisibleEffect, readings: Watch['readings']): number | undefined {
  if (as === 'value' || as === 'max' || as === 'min' || as === 'age' || as === 'reachable') {
    return median(readings.map(({ value }) => value))
  }
  const steps: number[] = []
  let increase = 0
  for (let i = 1; i < readings.length; i += 1) {
    const from = readings[i - 1]!
    const to = readings[i]!
    // A counter that fell began anew.
    const gained = to.value >= from.value ? to.value - from.value : to.value
    increase += gained
    if (as === 'mean' && to.count > from.count) steps.push(gained / (to.count - from.count))
  }
  if (as === 'increase') return readings.length > 1 ? increase : undefined
  // Over the whole time: what happens every half minute would be missing in most steps.
  if (as === 'rate') {
    return readings.length > 1 ? increase / ((readings.at(-1)!.atMs - readings[0]!.atMs) / 1000) : undefined
  }
  return median(steps)
}

/** A step of a counter stands at its end; without a gain a mean has no value. */
function seriesOf({ as }: VisibleEffect, readings: Watch['readings']): { timesS: number[]; values: number[] } {
  const timesS: number[] = []
  const values: number[] = []
  readings.forEach(({ atMs, value, count }, i) => {
    const before = readings[i - 1]
    let shown: number | undefined = value
    if (as === 'rate' || as === 'increase' || as === 'mean') {
      const gained = before ? (value >= before.value ? value - before.value : value) : undefined
      const counted = before ? count - before.count : 0
      if (as === 'mean') shown = gained !== undefined && counted > 0 ? gained / counted : undefined
      else shown = gained === undefined ? undefined : as === 'rate' ? gained / ((atMs - before!.atMs) / 1000) : gained
    }
    if (shown === undefined || !Number.isFinite(shown)) return
    timesS.push(atMs / 1000)
    values.push(shown)
  })
  return { timesS, values }
}

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function formatNumber(value: number): string {
  return Number(value.toPrecision(4)).toString()
}
