/** docs/metrics.md says what the definitions say, and these what the platform's catalogue says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import {
  type Catalogue,
  type MetricReference,
  metricReferences,
  metricsPage,
  metricUses,
} from '../../tools/metrics-reference.ts'
import { readPage } from './documentation.ts'

const root = packageRoot()
const catalogue = JSON.parse(readFileSync(join(root, 'test', 'fixtures', 'catalogue.json'), 'utf8')) as Catalogue
let references: MetricReference[]

beforeAll(async () => {
  references = await metricReferences(root, catalogue)
}, 60_000)

test('the page is not stale: `npm run metrics-reference` writes it', () => {
  expect(readPage('docs/metrics.md')).toBe(metricsPage(references, metricUses(root)))
})

test('every metric of the catalogue is exposed, with its type and its labels', () => {
  const documented = references.filter((reference) => reference.documented)
  const differences = Object.entries(catalogue.metrics).flatMap(([job, metrics]) =>
    Object.entries(metrics).flatMap(([name, labels]) => {
      const found = documented.find(
        (reference) => reference.name === name && reference.target.replace(/^(postgres|redis)-exporter$/, '$1') === job,
      )
      if (!found) return [`${job} does not expose ${name}`]
      const type = catalogue.types[name]
      const wrongType = type !== undefined && type !== found.type ? [`${name} is a ${found.type}, not a ${type}`] : []
      // Services have exactly these labels; real exporters have more.
      const exact = type !== undefined
      // Job and instance are labels of every target.
      const missing = labels.filter((label) => !['job', 'instance', ...found.labels].includes(label))
      const more = exact ? found.labels.filter((label) => !labels.includes(label)) : []
      return [
        ...wrongType,
        ...missing.map((label) => `${name} lacks the label ${label}`),
        ...more.map((label) => `${name} has the label ${label}, which the catalogue has not`),
      ]
    }),
  )
  expect(differences).toEqual([])
})

test('what goes beyond the catalogue stands under "Additional"', () => {
  const [own, additional] = readPage('docs/metrics.md').split('\n## Additional\n')
  for (const { name, documented } of references) {
    if (documented) expect(own).toContain(`| \`${name}\` |`)
    else expect(additional).toContain(`| \`${name}\` |`)
  }
})

test('each use is told: an alert, a recording, a panel', () => {
  const uses = metricUses(root)
  expect([...uses.get('kafka_consumer_lag')!]).toContain('DataPipelineProcessingLag')
  expect([...uses.get('http_request_duration_seconds')!].some((use) => use.startsWith('api-performance / '))).toBe(true)
})
