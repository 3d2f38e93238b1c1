/**
 * What must hold in any scenario, tried on random ones: counters never fall but at a restart, histograms are consistent,
 * hits and misses are look-ups, what is consumed and what is behind is what was produced.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { DrillSimulation } from '../../simulator/drill/simulate-drill.ts'
import { findFault } from '../../simulator/faults/index.ts'
import type { SeriesSamples } from '../../simulator/judge/judge.ts'
import type { Drill, DrillEvent } from '../../simulator/scenario/scenario.ts'
import { eventKeys, eventSchema } from '../../simulator/scenario/schema.ts'
import type { VirtualWorld } from '../../simulator/world/virtual-world.ts'
import { blocks } from '../docs/documentation.ts'
import { shippedDrill, shippedSetup } from './run-scenario.ts'

const seed = Number(process.env.FIREDRILL_TEST_SEED ?? 42)
const runs = 6
const lengthMs = 14 * 60_000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-invariants-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The faults of docs/faults.md, at any time, together. */
const anyEvent: fc.Arbitrary<Omit<DrillEvent, 'id'>> = fc
  .tuple(
    fc.constantFrom(
      ...blocks()
        .filter(({ place, language }) => place.startsWith('docs/faults.md') && language === 'yaml')
        .flatMap(({ text }) => parse(text) as object[])
        .map((event) => eventSchema.parse(event)),
    ),
    fc.integer({ min: 60, max: 600 }),
    fc.integer({ min: 30, max: 240 }),
  )
  .map(([event, startS, holdS]) => ({
    fault: event.fault,
    startMs: startS * 1000,
    endMs: Math.min(lengthMs, (startS + holdS) * 1000),
    ends: true,
    severity: { from: 1, to: 1, overMs: 0 },
    params: Object.fromEntries(Object.entries(event).filter(([key]) => !eventKeys.includes(key))),
  }))

const anyDrill = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  perSecond: fc.integer({ min: 1, max: 60 }),
  events: fc.array(anyEvent, { minLength: 0, maxLength: 4 }),
})

test(`in ${runs} random drills`, async () => {
  for (const [i, { seed: drillSeed, perSecond, events }] of fc.sample(anyDrill, { seed, numRuns: runs }).entries()) {
    const drill: Drill = {
      ...shippedDrill('steady-state'),
      seed: drillSeed,
      lengthMs,
      load: [{ startMs: 0, endMs: lengthMs, fromPerSecond: perSecond, toPerSecond: perSecond, daily: 0 }],
      events: events.map((event, at) => ({ ...event, id: `event-${at}` })),
    }
    const said = drill.events.map(
      ({ fault, startMs, params }) => `${startMs / 1000}s ${findFault(fault)!.describe(params)}`,
    )
    const { series, world, produced } = await simulate(drill)
    const wrong = [
      ...fallingCounters(series),
      ...wrongHistograms(series),
      ...wrongLookUps(series),
      ...(await wrongLag(world, produced)),
    ]
    expect(wrong, `drill ${i} (FIREDRILL_TEST_SEED=${seed}), ${perSecond}/s, ${said.join('; ')}`).toEqual([])
  }
})

type Series = ReadonlyMap<
  string,
  { labels: Readonly<Record<string, string>>; samples: readonly (readonly [number, number])[] }
>

async function simulate(
  drill: Drill,
): Promise<{ series: Series; world: VirtualWorld; produced: ReadonlyMap<string, number> }> {
  const { config } = await shippedSetup()
  const series = new Map<string, { labels: Readonly<Record<string, string>>; samples: (readonly [number, number])[] }>()
  const simulation = new DrillSimulation(drill, {
    config,
    latticeMs: 5_000,
    prometheusVersion: '3.0.0',
    selects: () => true,
    folder,
  })
  const produced = new Map<string, number>()
  const { kafka } = simulation.world
  const append = kafka.append.bind(kafka)
  kafka.append = (partition, batch, timestampMs) => {
    append(partition, batch, timestampMs)
    produced.set(batch.topic, (produced.get(batch.topic) ?? 0) + batch.count)
  }
  await simulation.run(async (batch: readonly SeriesSamples[]) => {
    for (const { labels, timesMs, values, stale } of batch) {
      const key = JSON.stringify(Object.entries(labels).sort())
      const entry = series.get(key) ?? { labels, samples: [] }
      series.set(key, entry)
      for (let i = 0; i < timesMs.length; i += 1) {
        entry.samples.push([timesMs[i]!, stale.includes(i) ? Number.NaN : values[i]!])
      }
    }
  })
  const { world } = simulation
  simulation.close()
  return { series, world, produced }
}

function isCounter(name: string): boolean {
  return /_(total|count|bucket|sum)$/.test(name) && name !== 'recommendation_items_count'
}

/** A process that starts anew shows it by its start time; a server by its exporter's own counters that fall together. */
function fallingCounters(series: Series): string[] {
  const starts = new Map<string, Map<number, number>>()
  for (const { labels, samples } of series.values()) {
    if (labels.__name__ === 'process_start_time_seconds') starts.set(labels.job!, new Map(samples))
  }
  const wrong: string[] = []
  for (const [key, { labels, samples }] of series) {
    const name = labels.__name__!
    if (!isCounter(name) || isOfServer(name)) continue
    for (let i = 1; i < samples.length; i += 1) {
      const [beforeMs, before] = samples[i - 1]!
      const [atMs, value] = samples[i]!
      if (!(value < before)) continue
      const started = starts.get(labels.job!)
      if (started && started.get(atMs) === started.get(beforeMs)) wrong.push(`${key} falls from ${before} to ${value}`)
    }
  }
  return wrong
}

/** Statistics of a server behind an exporter start anew with the server, not with the exporter. */
function isOfServer(name: string): boolean {
  return /^(redis|pg|container)_/.test(name)
}

function wrongHistograms(series: Series): string[] {
  const wrong: string[] = []
  const families = new Map<string, Map<number, Map<string, number>>>()
  for (const { labels, samples } of series.values()) {
    const match = /^(.*)_(bucket|count|sum)$/.exec(labels.__name__!)
    if (!match) continue
    const { __name__: _, le, ...rest } = labels
    const key = `${match[1]} ${JSON.stringify(rest)}`
    const byTime = families.get(key) ?? new Map<number, Map<string, number>>()
    families.set(key, byTime)
    for (const [atMs, value] of samples) {
      if (Number.isNaN(value)) continue
      const at = byTime.get(atMs) ?? new Map<string, number>()
      byTime.set(atMs, at)
      at.set(le ?? match[2]!, value)
    }
  }
  for (const [key, byTime] of families) {
    for (const [atMs, parts] of byTime) {
      const infinite = parts.get('+Inf')
      // A counter whose name ends like this is no histogram.
      if (infinite === undefined) continue
      const bounds = [...parts.keys()].filter((bound) => !['count', 'sum', '+Inf'].includes(bound))
      const sorted = bounds.map(Number).sort((a, b) => a - b)
      const counts = sorted.map((bound) => parts.get(bounds.find((text) => Number(text) === bound)!)!)
      const count = parts.get('count')!
      const sum = parts.get('sum')!
      const place = `${key} at ${atMs}`
      if ([...counts, infinite].some((value, i, all) => i > 0 && value < all[i - 1]!))
        wrong.push(`${place}: not cumulative`)
      if (infinite !== count) wrong.push(`${place}: +Inf is ${infinite}, count is ${count}`)
      // Between the least and the most that these counts can add up to.
      const least = counts.reduce(
        (total, value, i) => total + (i > 0 ? sorted[i - 1]! * (value - counts[i - 1]!) : 0),
        0,
      )
      if (sum < least * (1 - 1e-9)) wrong.push(`${place}: sum ${sum} is less than the buckets say (${least})`)
      if (infinite === counts.at(-1)) {
        const most = counts.reduce((total, value, i) => total + sorted[i]! * (value - (counts[i - 1] ?? 0)), 0)
        if (sum > most * (1 + 1e-9) + 1e-9) wrong.push(`${place}: sum ${sum} is more than the buckets say (${most})`)
      }
    }
  }
  return wrong
}

/** Every look-up is timed, and is a hit or a miss. */
function wrongLookUps(series: Series): string[] {
  const of = (name: string, wanted: Readonly<Record<string, string>>) => {
    const found = [...series.values()].find(
      ({ labels }) =>
        labels.__name__ === name && Object.entries(wanted).every(([label, value]) => labels[label] === value),
    )
    return new Map(found?.samples)
  }
  const wrong: string[] = []
  for (const cache_type of ['recommendations', 'items', 'sessions']) {
    const hits = of('cache_hits_total', { cache_type })
    const misses = of('cache_misses_total', { cache_type })
    for (const [atMs, count] of of('cache_operations_duration_seconds_count', { cache_type, operation: 'get' })) {
      const sum = (hits.get(atMs) ?? 0) + (misses.get(atMs) ?? 0)
      if (!Number.isNaN(count) && sum !== count)
        wrong.push(`${cache_type} at ${atMs}: ${sum} hits and misses, ${count} look-ups`)
    }
  }
  return wrong
}

/** What the broker was given is what the group has committed and what it is behind; and the service counts what it commits. */
async function wrongLag(world: VirtualWorld, produced: ReadonlyMap<string, number>): Promise<string[]> {
  const wrong: string[] = []
  const { life } = world.process('data-pipeline')
  const counter = await life?.registry.getSingleMetric('kafka_messages_consumed_total')?.get()
  const livesOn = life?.startedAtMs === world.options.startMs
  for (const { topic } of world.options.world.dataPipeline.topics) {
    let committed = 0
    let lag = 0
    for (const { endOffset, committedOffset } of world.kafka.states(topic)) {
      committed += committedOffset
      lag += endOffset - committedOffset
    }
    const all = produced.get(topic) ?? 0
    if (committed + lag !== all) wrong.push(`${topic}: ${committed} consumed and ${lag} behind, of ${all} produced`)
    const counted = counter?.values.find(({ labels }) => labels.topic === topic)?.value ?? 0
    // A process that died may have committed more than it could count.
    if (livesOn && counted !== committed) wrong.push(`${topic}: ${committed} committed, ${counted} counted`)
  }
  return wrong
}
