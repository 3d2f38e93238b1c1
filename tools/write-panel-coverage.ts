/** Writes docs/panel-coverage.md. Run it after a change of dashboards or of what scenarios expect of panels. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { panelCoveragePage, panelProofs, stillPanels } from './panel-coverage.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
writeFileSync(join(root, 'docs', 'panel-coverage.md'), panelCoveragePage(panelProofs(root), stillPanels(root)))
