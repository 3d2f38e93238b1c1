/** The page docs/faults.md: every fault with its parameters, what must visibly change, and an example that the tests play. */
import { parse } from 'yaml'
import { z } from 'zod'
import type { FaultDefinition, VisibleEffect } from '../simulator/faults/define-fault.ts'
import { faults } from '../simulator/faults/index.ts'

/** In the order of the page. Each fault stands under one heading, with one line of YAML that a drill plays. */
const sections: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Services: {
    'service.crash': '{ id: crash, at: 8m, fault: service.crash, target: { service: data-pipeline }, hold: 4m }',
    'service.restart': '{ id: restart, at: 8m, fault: service.restart, target: { service: ml-engine }, downtime: 20s }',
    'service.hang': '{ id: hang, at: 8m, fault: service.hang, target: { service: backend-api }, hold: 4m }',
  },
  'Servers and exporters': {
    'dependency.outage': '{ id: outage, at: 8m, fault: dependency.outage, target: { dependency: redis }, hold: 4m }',
    'exporter.down': '{ id: blind, at: 8m, fault: exporter.down, target: { exporter: postgres-exporter }, hold: 4m }',
  },
  Connections: {
    'link.latency':
      '{ id: slow-link, at: 8m, fault: link.latency, target: { from: backend-api, to: ml-engine }, add: 400ms, hold: 4m }',
    'link.loss':
      '{ id: lossy-link, at: 8m, fault: link.loss, target: { from: backend-api, to: ml-engine }, ratio: 0.3, hold: 4m }',
    'link.partition':
      '{ id: cut-link, at: 8m, fault: link.partition, target: { from: backend-api, to: postgres }, hold: 4m }',
  },
  'Code ("a bad deploy")': {
    'code.errors':
      '{ id: errors, at: 8m, fault: code.errors, target: { service: backend-api }, ratio: 0.2, spread: even, hold: 4m }',
    'code.slow':
      '{ id: slow, at: 8m, fault: code.slow, target: { service: backend-api, routes: ["GET /recommendations"] }, add: 600ms, hold: 4m }',
  },
  Machines: {
    'memory.leak':
      '{ id: leak, at: 8m, fault: memory.leak, target: { container: backend-api }, perMinute: 80MiB, hold: 4m }',
    'cpu.saturation':
      '{ id: saturation, at: 8m, fault: cpu.saturation, target: { container: data-pipeline }, share: 0.8, hold: 4m }',
    'disk.fill': '{ id: fill, at: 8m, fault: disk.fill, target: { mountpoint: /data }, available: 0.1, hold: 4m }',
  },
  'Load and caches': {
    'traffic.surge': '{ id: surge, at: 8m, fault: traffic.surge, factor: 4, hold: 4m }',
    'traffic.drop': '{ id: gone, at: 8m, fault: traffic.drop, target: { tenant: "2" }, remaining: 0, hold: 4m }',
    'cache.flush': '{ id: flush, at: 8m, fault: cache.flush, target: { cache: redis }, every: 30s, hold: 4m }',
    'cache.churn':
      '{ id: churn, at: 8m, fault: cache.churn, target: { cache: redis }, keysPerSecond: 2000, bytesPerKey: 4KiB, hold: 4m }',
  },
  Models: {
    'training.fail': '{ id: no-data, at: 8m, fault: training.fail, reason: data_missing, hold: 40m }',
    'model.degrade': '{ id: drift, at: 8m, fault: model.degrade, target: { tenant: "3" }, quality: 0.7, hold: 4m }',
    'embedding.refresh-stall':
      '{ id: stall-refresh, at: 8m, fault: embedding.refresh-stall, target: { service: ml-engine }, hold: 20m }',
  },
  'Streams and jobs': {
    'consumer.stall':
      '{ id: stall, at: 8m, fault: consumer.stall, target: { topic: interactions, partitions: [0, 1] }, recover: { drain: 3 }, hold: 4m }',
    'consumer.slow':
      '{ id: crawl, at: 8m, fault: consumer.slow, target: { topic: interactions }, speed: 0.1, hold: 4m }',
    'messages.poison':
      '{ id: poison, at: 8m, fault: messages.poison, target: { topic: interactions }, ratio: 0.2, hold: 4m }',
    'etl.fail':
      '{ id: etl, at: 8m, fault: etl.fail, target: { job: interactions-rollup }, reason: schema_mismatch, hold: 12m }',
  },
}

/** @throws Error when a fault stands in no section, or a section names one that is not there */
export function faultPage(): string {
  const shown = Object.values(sections).flatMap((section) => Object.keys(section))
  const names = faults.map(({ name }) => name)
  const apart = [...names.filter((name) => !shown.includes(name)), ...shown.filter((name) => !names.includes(name))]
  if (apart.length > 0) throw new Error(`tools/fault-reference.ts and simulator/faults differ in: ${apart.join(', ')}`)
  const body = Object.entries(sections).map(([heading, examples]) =>
    [`## ${heading}`, ...Object.entries(examples).map(([name, example]) => faultText(byName(name), example))].join(
      '\n\n',
    ),
  )
  return `${[head, ...body].join('\n\n')}\n`
}

const head = `# Faults

<!-- Made by \`npm run fault-reference\` from simulator/faults and tools/fault-reference.ts. -->

A fault acts on a cause: it stops a process, slows a connection, makes the code of a route throw. It never touches a metric.
Each one declares what somebody who watches the platform must see change; when none of that changes, the drill ends with
"fault had no effect" (exit 4).

Every event has an \`id\`, a start (\`at\`, or \`after\` another event), and may end (\`hold\` or \`until\`). Faults that have degrees take a
\`severity\` from 0 to 1, also as a ramp: \`{ from: 0, to: 1, over: 2m }\`. The examples below are the ones that the tests play.`

function byName(name: string): FaultDefinition<unknown> {
  return faults.find((fault) => fault.name === name)! as FaultDefinition<unknown>
}

function faultText(fault: FaultDefinition<unknown>, example: string): string {
  const { id, at, fault: name, hold, ...given } = parse(example) as Record<string, unknown>
  const params = fault.schema.parse(given)
  const rows = parametersOf(fault.schema).map(
    ({ path, type, note }) => `| \`${path}\` | ${type} | ${note.replaceAll('|', '\\|')} |`,
  )
  return [
    `### ${fault.name}`,
    `${fault.description}.${fault.graded ? ' It has degrees.' : ''}`,
    ...(rows.length > 0 ? [['| parameter | type | |', '|---|---|---|', ...rows].join('\n')] : []),
    `Seen as: ${[...new Set(fault.visible(params).map(effectText))].join('; or ')}.`,
    ['```yaml', `- ${example}`, '```'].join('\n'),
  ].join('\n\n')
}

function effectText({ what, process, metric, as, direction }: VisibleEffect): string {
  if (as === 'reachable') return `${what} (${process} ${direction === 'down' ? 'stops answering' : 'answers again'})`
  return `${direction === 'up' ? '↑' : '↓'} ${what} (\`${metric}\` of ${process}, ${as})`
}

interface Parameter {
  readonly path: string
  readonly type: string
  readonly note: string
}

interface JsonSchema {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
}

/** Parameters as a scenario file writes them, those of `target` with their path. */
function parametersOf(schema: z.ZodType): Parameter[] {
  return visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '')

  function visit({ properties = {}, required = [] }: JsonSchema, prefix: string): Parameter[] {
    return Object.entries(properties).flatMap(([name, property]) => {
      const path = prefix === '' ? name : `${prefix}.${name}`
      // Who leaves out the whole of it leaves out what it requires.
      if (property.properties) return visit(required.includes(name) ? property : { ...property, required: [] }, path)
      const notes = [
        required.includes(name) ? 'required' : property.default === undefined ? 'optional' : '',
        property.default === undefined ? '' : `default \`${JSON.stringify(property.default)}\``,
        property.description ?? '',
      ]
      return [{ path, type: typeText(property), note: notes.filter((note) => note !== '').join('; ') }]
    })
  }
}

function typeText(schema: JsonSchema): string {
  if (schema.title) return schema.title
  if (schema.enum) return schema.enum.map((one) => `\`${one}\``).join(', ')
  if (schema.const !== undefined) return `\`${schema.const}\``
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeText))].join(' or ')
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  const { minimum, maximum, exclusiveMinimum } = schema
  const from = minimum ?? exclusiveMinimum
  const isOpen = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER
  const range = from === undefined && isOpen ? '' : isOpen ? `, from ${from}` : `, ${from ?? ''} to ${maximum}`
  return `${schema.type ?? 'value'}${range}`
}
