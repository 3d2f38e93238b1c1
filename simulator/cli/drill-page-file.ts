/** Writes the page of a drill where the report of its run has it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DrillSetup } from '../drill/drill-setup.ts'
import { type DrillPage, drillPage, drillPagePath } from '../report/html/drill-page.ts'
import { repeatCommand } from './repeat-command.ts'

export function writeDrillPage(
  { folder, repeatOptions, version }: NonNullable<DrillSetup['report']>,
  { drill, result, evidence }: Pick<DrillPage, 'drill' | 'result' | 'evidence'>,
): void {
  const file = join(folder, drillPagePath(drill.name))
  const repeat = repeatCommand(drill, repeatOptions)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, drillPage({ drill, result, evidence, repeat, version }))
}
