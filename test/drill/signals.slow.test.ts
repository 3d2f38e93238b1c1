/**
 * What the platform shows while the shipped scenarios run: every row of the catalogue with its labels, every log event and
 * every span with what belongs to them. The lists here are the catalogue, written down once more.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { SpanRecord } from '../../simulator/drill/span-record.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { runShipped, shippedDrill, shippedSetup } from './run-scenario.ts'

const catalogue = JSON.parse(
  readFileSync(join(packageRoot(), 'test', 'fixtures', 'catalogue.json'), 'utf8'),
) as Catalogue

interface Catalogue {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly logs: Readonly<Record<string, readonly string[]>>
  readonly spans: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/** Together these break something of everything. */
const drills = [
  'redis-down',
  'database-outage',
  'model-training-failed/just-below',
  'model-training-failed',
  'high-rate-limit-exceeded/too-short',
  'kafka-lag-spike/too-short',
]

const labelsOf = new Map<string, Set<string>>()
const logFields = new Map<string, Set<string>>()
const spanAttributes = new Map<string, Set<string>>()
const serverSpans = new Set<string>()
const parentsOf = new Map<string, Set<string>>()
const logTraceIds = new Map<string, number>()
const traceIds = new Set<string>()
const expositions = new Map<string, string>()
const broken: string[] = []
const counters = new Map<string, number>()

beforeAll(async () => {
  // What is exposed does not depend on who evaluates rules of it.
  const setup = { ...(await shippedSetup()), groups: [] }
  for (const name of drills) {
    const drill = shippedDrill(name)
    counters.clear()
    await runShipped(drill.lengthMs > 2_400_000 ? { ...drill, lengthMs: 1_200_000 } : drill, setup, {
      onSamples(batch) {
        for (const { labels, values, stale } of batch) checkCounter(labels, Array.from(values), stale)
      },
      selects: () => true,
      async onSignals({ logs, spans, world, samples }) {
        for (const metric of samples.metricNames()) {
          for (const labels of samples.seriesOf(metric)) add(labelsOf, metric, Object.keys(labels))
        }
        const sampled = new Set<string>()
        const names = new Map<string, string>()
        const ended: SpanRecord[] = []
        for await (const span of spans()) {
          const { traceId, spanId, service, name: spanName, attributes, kind } = span as SpanRecord
          names.set(spanId, spanName)
          ended.push(span)
          traceIds.add(traceId)
          sampled.add(traceId)
          add(spanAttributes, `${service} ${spanName}`, Object.keys(attributes))
          if (kind === 1) serverSpans.add(`${service} ${spanName}`)
        }
        // A span ends before its parent does.
        for (const { service, name: spanName, parentSpanId } of ended) {
          add(parentsOf, `${service} ${spanName}`, parentSpanId ? [names.get(parentSpanId) ?? 'nobody'] : [])
        }
        for await (const record of logs()) {
          const fields = Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : key))
          add(logFields, String(record.event), fields)
          if (record.span_id !== undefined && !sampled.has(String(record.trace_id))) {
            logTraceIds.set(String(record.trace_id), (logTraceIds.get(String(record.trace_id)) ?? 0) + 1)
          }
        }
        checkLag(world)
        for (const [processName, { life, program }] of world.processes) {
          if (!life || !program) continue
          program.beforeScrape?.()
          expositions.set(processName, await life.registry.metrics())
        }
      },
    })
  }
}, 240_000)

/** Counters never fall but at a restart of their process, which shows as a stale marker or as a fall to about nothing. */
function checkCounter(
  labels: Readonly<Record<string, string>>,
  values: readonly number[],
  stale: readonly number[],
): void {
  const name = labels.__name__ ?? ''
  if (!/_(total|count|bucket)$/.test(name)) return
  const key = JSON.stringify(labels)
  let last = counters.get(key) ?? 0
  values.forEach((value, i) => {
    if (stale.includes(i)) last = 0
    else {
      // A process that was away starts anew; nothing else may make a counter fall.
      if (value < last && !name.startsWith('redis_') && !name.startsWith('pg_'))
        broken.push(`${key}: ${last} to ${value}`)
      last = value
    }
  })
  counters.set(key, last)
}

function checkLag(world: Parameters<NonNullable<Parameters<typeof runShipped>[2]>['onWorld'] & object>[0]): void {
  for (const { topic } of world.options.world.dataPipeline.topics) {
    for (const { partition, endOffset, committedOffset } of world.kafka.states(topic)) {
      if (committedOffset > endOffset) broken.push(`${topic}/${partition} has committed more than was produced`)
    }
  }
}

function add(map: Map<string, Set<string>>, key: string, values: readonly string[]): void {
  const set = map.get(key) ?? new Set()
  map.set(key, set)
  for (const value of values) set.add(value)
}

describe('metrics', () => {
  for (const [job, metrics] of Object.entries(catalogue.metrics)) {
    test.each(Object.entries(metrics))(`${job} exposes %s with its labels`, (name, labels) => {
      const shown = labelsOf.get(name) ?? labelsOf.get(`${name}_bucket`)
      expect(shown, `${name} was never scraped`).toBeDefined()
      for (const label of labels) expect([...shown!]).toContain(label)
    })
  }

  test('no metric carries a user, a request or a session', () => {
    for (const [name, labels] of labelsOf) {
      for (const label of ['user_id', 'request_id', 'session_id', 'trace_id']) {
        expect(labels.has(label), `${name} has the label ${label}`).toBe(false)
      }
    }
  })

  test('counters never fall, and no more is committed than was produced', () => {
    expect(broken).toEqual([])
  })

  test('promtool complains about nothing but what is accepted', async (context) => {
    const accepted = readFileSync(join(packageRoot(), 'test', 'fixtures', 'accepted-metric-complaints.txt'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    const complaints = new Set<string>()
    for (const text of expositions.values()) {
      const output = await promtoolCheckMetrics(text)
      if (output === undefined) return context.skip('promtool is not on the PATH')
      for (const line of output) complaints.add(line)
    }
    expect([...complaints].filter((line) => !accepted.includes(line)).sort()).toEqual([])
    // A list that is longer than needed would hide the next complaint.
    expect(accepted.filter((line) => !complaints.has(line))).toEqual([])
  })
})

describe('logs', () => {
  test.each(Object.entries(catalogue.logs))('the event %s occurs with its fields', (event, fields) => {
    const shown = logFields.get(event)
    expect(shown, `${event} never occurred`).toBeDefined()
    for (const field of ['timestamp', 'level', 'logger', 'message', 'service', 'module', ...fields]) {
      expect([...shown!]).toContain(field)
    }
  })

  test('the trace of every line with a span exists', () => {
    expect([...logTraceIds]).toEqual([])
    expect(traceIds.size).toBeGreaterThan(100)
  })
})

describe('traces', () => {
  for (const [service, spans] of Object.entries(catalogue.spans)) {
    test.each(Object.entries(spans))(`${service} has the span %s with its attributes`, (name, attributes) => {
      const shown = spanAttributes.get(`${service} ${name}`)
      expect(shown, `${service} ${name} never occurred`).toBeDefined()
      for (const attribute of attributes) expect([...shown!]).toContain(attribute)
    })
  }

  test.each([
    { query: 'ml-engine db.select', parents: ['data_loading', 'get_user_embedding'] },
    { query: 'data-pipeline db.insert', parents: ['kafka.consume'] },
    { query: 'data-pipeline db.select', parents: ['extract'] },
    { query: 'data-pipeline db.update', parents: ['load'] },
    { query: 'data-pipeline db.delete', parents: ['load'] },
  ])('$query is below what asked for it', ({ query, parents }) => {
    expect([...(parentsOf.get(query) ?? [])].sort()).toEqual(parents)
  })

  test('every route that was called has a server span', () => {
    expect([...serverSpans].sort()).toEqual(catalogueRoutes)
  })
})

const catalogueRoutes = [
  'backend-api GET /health',
  'backend-api GET /items/{id}',
  'backend-api GET /recommendations',
  'backend-api GET /usage',
  'backend-api POST /interactions',
  'backend-api POST /token',
  'data-pipeline GET /health',
  'ml-engine GET /health',
  'ml-engine POST /embed',
  'ml-engine POST /recommend',
  'ml-engine POST /search',
]

/** @returns complaints, or undefined without promtool */
function promtoolCheckMetrics(text: string): Promise<string[] | undefined> {
  return new Promise((resolve) => {
    const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') resolve(undefined)
      else resolve(`${stdout}${stderr}`.split('\n').filter((line) => line !== ''))
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(text)
  })
}
