/** Writes the dashboards of Grafana. Run it after a change of a builder or an alert's threshold; a test tells when it is needed. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dashboardFiles } from './files.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
for (const [path, text] of Object.entries(dashboardFiles())) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
