/** What becomes of good scenario files: drills with every time in milliseconds, and twins. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkAlertNames, loadScenario } from '../../simulator/scenario/load-scenario.ts'
import { formatProblem, InputError } from '../../simulator/scenario/problem.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'

const minute = 60_000
const worldsFolder = 'test/fixtures/scenarios/worlds'
const example = 'test/fixtures/scenarios/good/kafka-lag-spike.yaml'

function loadText(text: string, seriesMax?: number) {
  const readFile = (path: string) => (path === 'drill.yaml' ? Buffer.from(text) : readFileSync(path))
  return loadScenario('drill.yaml', { worldsFolder, readFile, ...(seriesMax ? { seriesMax } : {}) })
}

function drillsOf(text: string): readonly Drill[] {
  const { drills, problems } = loadText(text)
  expect(problems.map(formatProblem)).toEqual([])
  return drills
}

const small = `format: 1
scenario: small
title: A small scenario
clock: { length: 30m }
world: test-world
load: [{ perSecond: 10 }]
`

describe('the example of the documentation', () => {
  const { drills, problems } = loadScenario(example, { worldsFolder })
  const [base] = drills

  it('loads without a problem, with a drill for each twin', () => {
    expect(problems.map(formatProblem)).toEqual([])
    expect(drills.map(({ name }) => name)).toEqual([
      'kafka-lag-spike',
      'kafka-lag-spike/just-below',
      'kafka-lag-spike/too-short',
      'kafka-lag-spike/onset-0s',
      'kafka-lag-spike/onset-15s',
      'kafka-lag-spike/onset-30s',
      'kafka-lag-spike/onset-45s',
      'kafka-lag-spike/no-fault',
    ])
  })

  it('has its events in milliseconds, also those timed from another', () => {
    expect(base!.lengthMs).toBe(75 * minute)
    expect(base!.startMs).toBe(Date.UTC(2026, 0, 5, 9))
    expect(base!.events).toEqual([
      {
        id: 'stall',
        fault: 'consumer.stall',
        startMs: 20 * minute,
        endMs: 45 * minute,
        ends: true,
        severity: { from: 0, to: 1, overMs: 2 * minute },
        params: {
          target: { service: 'data-pipeline', topic: 'interactions', partitions: [0, 1] },
          recover: { drain: 3 },
        },
      },
      {
        id: 'slow-recommendations',
        fault: 'link.latency',
        startMs: 25 * minute,
        endMs: 45 * minute,
        ends: true,
        severity: { from: 1, to: 1, overMs: 0 },
        params: { target: { from: 'backend-api', to: 'ml-engine' }, add: 400 },
      },
    ])
    expect(base!.observe).toEqual([
      { gap: 'scrape', job: 'ml-engine', startMs: 50 * minute, endMs: 50 * minute + 45_000 },
    ])
    expect(base!.steady).toEqual({ fromMs: 8 * minute, allowed: [] })
  })

  it('has its load without a gap', () => {
    expect(base!.load).toEqual([
      { startMs: 0, endMs: 20 * minute, fromPerSecond: 40, toPerSecond: 40, daily: 0 },
      { startMs: 20 * minute, endMs: 25 * minute, fromPerSecond: 40, toPerSecond: 90, daily: 0 },
      { startMs: 25 * minute, endMs: 75 * minute, fromPerSecond: 90, toPerSecond: 90, daily: 0.15 },
    ])
  })

  it('has its windows since the start of the drill, and those of its panels', () => {
    expect(base!.expect.alerts).toEqual({
      DataPipelineProcessingLag: {
        kind: 'fires',
        because: 'stall',
        labels: { topic: 'interactions' },
        firing: [34 * minute, 36 * minute],
        firingAfter: { text: 'stall', ms: 20 * minute },
        resolved: [46 * minute, 54 * minute],
        resolvedAfter: { text: 'stall.end', ms: 45 * minute },
        textComplete: true,
      },
      HighLatencyP95: { kind: 'may' },
    })
    expect(base!.expect.logs[0]).toMatchObject({
      event: 'consumer_lag_high',
      duringMs: [20 * minute, 45 * minute],
      atLeast: 1,
    })
    expect(base!.expect.traces[0]).toMatchObject({ slowerThanMs: 400, duringMs: [25 * minute, 45 * minute] })
    expect(base!.expect.panels).toEqual([
      {
        dashboard: 'api-performance',
        panel: 'Latency*',
        refId: undefined,
        legend: undefined,
        labels: {},
        during: 'slow-recommendations',
        duringMs: [25 * minute, 45 * minute],
        has: 'data',
        moves: 'up',
        by: 0.2,
      },
    ])
  })

  it('changes only what a twin sets, and what is timed from it', () => {
    const twin = drills.find(({ twin }) => twin === 'just-below')!
    expect(twin.events.map(({ endMs }) => endMs)).toEqual([31 * minute, 31 * minute])
    expect(twin.expect.alerts).toEqual({
      DataPipelineProcessingLag: { kind: 'silent' },
      HighLatencyP95: { kind: 'may' },
    })
    expect({ ...twin, name: 0, twin: 0, events: 0, expect: 0 }).toEqual({
      ...base,
      name: 0,
      twin: 0,
      events: 0,
      expect: 0,
    })
  })

  it('moves the windows with the event that a twin varies', () => {
    const onset = drills.find(({ twin }) => twin === 'onset-45s')!
    expect(onset.events[0]!.startMs).toBe(20 * minute + 45_000)
    expect(onset.expect.alerts.DataPipelineProcessingLag).toMatchObject({
      firing: [34 * minute + 45_000, 36 * minute + 45_000],
    })
  })

  it('drops what is said about events that a twin leaves out', () => {
    const { events, expect: expected } = drills.find(({ twin }) => twin === 'no-fault')!
    expect(events).toEqual([])
    expect(expected).toEqual({
      alerts: { DataPipelineProcessingLag: { kind: 'silent' }, HighLatencyP95: { kind: 'silent' } },
      otherwise: 'silent',
      logs: [],
      traces: [],
      panels: [],
    })
  })
})

describe('a scenario', () => {
  it('needs little: the rest has defaults', () => {
    const [drill] = drillsOf(small)
    expect(drill).toMatchObject({
      name: 'small',
      twin: undefined,
      tags: [],
      seed: 42,
      steady: undefined,
      events: [],
      observe: [],
    })
    expect(drill!.load).toEqual([{ startMs: 0, endMs: 30 * minute, fromPerSecond: 10, toPerSecond: 10, daily: 0 }])
    expect(drill!.expect).toEqual({ alerts: {}, otherwise: 'silent', logs: [], traces: [], panels: [] })
  })

  it('lets an event without an end last to the end of the drill', () => {
    const text = `${small}events:\n  - { id: crash, at: 5m, fault: service.crash, target: { service: ml-engine } }\n`
    expect(drillsOf(text)[0]!.events[0]).toMatchObject({ startMs: 5 * minute, endMs: 30 * minute, ends: false })
  })

  it('takes one number as a severity and fills in the defaults of a fault', () => {
    const text = `${small}events:
  - { id: errors, at: 5m, fault: code.errors, severity: 0.5, ratio: 0.2, target: { service: backend-api, routes: ["GET /items/{id}"] } }
  - { id: restart, after: { event: errors, plus: 90s }, fault: service.restart, target: { service: ml-engine } }
`
    const [errors, restart] = drillsOf(text)[0]!.events
    expect(errors!.severity).toEqual({ from: 0.5, to: 0.5, overMs: 0 })
    expect(errors!.params).toMatchObject({ ratio: 0.2, spread: 'random', error: 'TypeError' })
    expect(restart).toMatchObject({ startMs: 390_000, params: { downtime: 20_000 } })
  })

  it('may time an event from one that stands after it', () => {
    const text = `${small}events:
  - { id: second, after: { event: first, ends: true }, hold: 1m, fault: dependency.outage, target: { dependency: redis } }
  - { id: first, at: 5m, hold: 2m, fault: dependency.outage, target: { dependency: kafka } }
`
    expect(drillsOf(text)[0]!.events.map(({ startMs }) => startMs)).toEqual([7 * minute, 5 * minute])
  })

  it('names a tenant by its id or its rank', () => {
    const surge = (tenant: string) =>
      loadText(
        `${small}events:\n  - { id: surge, at: 5m, fault: traffic.surge, factor: 3, target: { tenant: ${tenant} } }\n`,
      )
    expect(surge('"1"').problems).toEqual([])
    const hint = formatProblem(surge('nobody-at-all').problems[0]!)
    expect(hint).toContain('has no tenant "nobody-at-all"')
  })

  it('may expect that a log line does not occur', () => {
    const [drill] = drillsOf(`${small}expect:\n  logs: [{ event: etl_failed, atMost: 0 }]\n`)
    expect(drill!.expect.logs[0]).toMatchObject({ atLeast: 0, atMost: 0 })
  })

  it('is run in spite of too many series when that is forced', () => {
    const text = small.replace('world: test-world', `world: ${worldsFolder}/many-tenants.yaml`)
    expect(loadText(text).problems.map(formatProblem)).toEqual([
      'drill.yaml:5:8 world: would make about 737,000 series, more than 200,000 (use --force to run it all the same)',
    ])
    expect(loadText(text, Number.POSITIVE_INFINITY).drills.length).toBe(1)
  })

  it('that does not exist is a problem, not a crash', () => {
    const problems = ['nowhere.yaml', 'test'].flatMap((file) => loadScenario(file, { worldsFolder }).problems)
    expect(problems.map(formatProblem)).toEqual(['nowhere.yaml:1:1: there is no such file', 'test:1:1: is a folder'])
    expect(new InputError(problems).message).toBe('nowhere.yaml:1:1: there is no such file\ntest:1:1: is a folder')
  })
})

describe('a twin', () => {
  const base = `${small}events:
  - { id: stall, at: 10m, fault: consumer.stall, target: { topic: interactions }, hold: 5m }
expect:
  alerts: { ServiceDown: may }
  logs: [{ event: consumer_lag_high, during: stall }]
twins:
`
  const twin = (text: string) => drillsOf(`${base}  - ${text}\n`)[1]!

  it('may change the length, and the last stage of the load follows', () => {
    const drill = twin('{ name: short, set: { clock.length: 20m } }')
    expect(drill.lengthMs).toBe(20 * minute)
    expect(drill.load.at(-1)!.endMs).toBe(20 * minute)
  })

  it('may set what the scenario leaves out, and remove what it says', () => {
    const drill = twin(
      '{ name: partial, set: { stall.severity: 0.5, stall.target.partitions: [1], stall.hold: null } }',
    )
    expect(drill.events[0]).toMatchObject({
      severity: { to: 0.5 },
      params: { target: { partitions: [1] } },
      ends: false,
    })
  })

  it('may change the load, the title and the tags', () => {
    const drill = twin('{ name: busy, title: More load, tags: [long], set: { load.0.perSecond: 99 } }')
    expect(drill).toMatchObject({ title: 'More load', tags: ['long'], load: [{ fromPerSecond: 99 }] })
  })

  it('replaces whole sections of the expectations', () => {
    const drill = twin(
      '{ name: quiet, set: { stall.hold: 1m }, expect: { logs: [], otherwise: may, HighErrorRate: silent } }',
    )
    expect(drill.expect).toMatchObject({
      logs: [],
      otherwise: 'may',
      alerts: { ServiceDown: { kind: 'may' }, HighErrorRate: { kind: 'silent' } },
    })
  })

  it('combines what it varies', () => {
    const drills = drillsOf(
      `${base}  - { name: grid, vary: { stall.at: { add: [-1m, 1m] }, seed: { set: [1, 2] } } }\n`,
    )
    expect(drills.map(({ name, seed, events }) => [name, seed, events[0]!.startMs / minute])).toEqual([
      ['small', 42, 10],
      ['small/grid-minus-1m-1', 1, 9],
      ['small/grid-minus-1m-2', 2, 9],
      ['small/grid-1m-1', 1, 11],
      ['small/grid-1m-2', 2, 11],
    ])
  })

  it('does not change the scenario it comes from', () => {
    const alone = drillsOf(base.replace('twins:\n', ''))[0]
    expect(drillsOf(`${base}  - { name: short, set: { stall.hold: 1m, stall.target.partitions: [0] } }\n`)[0]).toEqual(
      alone,
    )
  })
})

describe('alert names', () => {
  it('that no rule has are reported with the nearest, in the scenario and in its twins', () => {
    const loaded = loadScenario(example, { worldsFolder })
    expect(checkAlertNames(loaded, ['DataPipelineProcessingLag', 'HighLatencyP95'])).toEqual([])
    const lines = checkAlertNames(loaded, ['DataPipelineLag', 'HighLatencyP95']).map(formatProblem)
    expect(lines).toEqual([
      `${example}:38:5 expect.alerts.DataPipelineProcessingLag: no rule has the alert "DataPipelineProcessingLag" (did you mean "DataPipelineLag"?)`,
      `${example}:54:61 twins[0].expect.DataPipelineProcessingLag: no rule has the alert "DataPipelineProcessingLag" (did you mean "DataPipelineLag"?)`,
      `${example}:55:60 twins[1].expect.DataPipelineProcessingLag: no rule has the alert "DataPipelineProcessingLag" (did you mean "DataPipelineLag"?)`,
    ])
  })
})
