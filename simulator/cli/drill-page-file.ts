/** Writes the page of a drill where the report of its run has it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadAlertmanager } from '../alertmanager/alertmanager-config.ts'
import { withReceivers } from '../alertmanager/paging.ts'
import type { DrillSetup } from '../drill/drill-setup.ts'
import type { Engine } from '../judge/embedded/engine.ts'
import type { Labels } from '../judge/judge.ts'
import { type DrillPage, drillPage, drillPagePath } from '../report/html/drill-page.ts'
import { repeatCommand } from './repeat-command.ts'

/** @param externalLabels are on every alert that Prometheus sends */
export function writeDrillPage(
  { folder, repeatOptions, version, alertmanagerFile }: NonNullable<DrillSetup['report']>,
  { drill, result, evidence }: Pick<DrillPage, 'drill' | 'result' | 'evidence'>,
  engine: Engine,
  externalLabels: Labels,
): void {
  const repeat = repeatCommand(drill, repeatOptions)
  const alertmanager =
    alertmanagerFile === undefined
      ? undefined
      : loadAlertmanager(alertmanagerFile, readFileSync(alertmanagerFile), engine).alertmanager
  const told = alertmanager ? withReceivers(result, alertmanager, externalLabels) : result
  writePage(folder, { drill, result: told, evidence, repeat, version })
}

/** @param folder of the report */
export function writePage(folder: string, page: DrillPage): void {
  const file = join(folder, drillPagePath(page.drill.name))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, drillPage(page))
}
