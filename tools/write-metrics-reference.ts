/** Writes docs/metrics.md. Run it after a change of a metric's definition, a rule or a dashboard. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Catalogue, metricReferences, metricsPage, metricUses } from './metrics-reference.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const catalogue = JSON.parse(readFileSync(join(root, 'test', 'fixtures', 'catalogue.json'), 'utf8')) as Catalogue
writeFileSync(join(root, 'docs', 'metrics.md'), metricsPage(await metricReferences(root, catalogue), metricUses(root)))
