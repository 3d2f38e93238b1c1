/** Every YAML and JSON block in the documentation passes the schema of what it is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { z } from 'zod'
import { loadAlertmanager } from '../../simulator/alertmanager/alertmanager-config.ts'
import { loadRules } from '../../simulator/alerts/load-rules.ts'
import { fileSource } from '../../simulator/drill/drill-setup.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { projectSchema } from '../../simulator/project/project-config.ts'
import { loadScenario, loadWorldFile } from '../../simulator/scenario/load-scenario.ts'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import { eventSchema, scenarioSchema } from '../../simulator/scenario/schema.ts'
import { loadPrometheusConfig } from '../../simulator/scrape/prometheus-config.ts'
import { testEngine } from '../drill/run-scenario.ts'
import { blocks } from './documentation.ts'

const tried = blocks().filter(({ notRun }) => notRun === undefined)

describe('a YAML block is right', () => {
  test.each(tried.filter(({ language }) => ['yaml', 'yml'].includes(language)))('$place', async ({ text, place }) => {
    expect(await problemsOf(text, place)).toEqual([])
  })
})

test('a JSON block is JSON', () => {
  for (const { text, place } of tried.filter(({ language }) => language === 'json')) {
    expect(() => JSON.parse(text), place).not.toThrow()
  }
})

/** What the block is, is told by its top-level keys. */
async function problemsOf(text: string, place: string): Promise<string[]> {
  const data = parse(text) as unknown
  if (Array.isArray(data)) return data.flatMap((event) => issues(eventSchema, event))
  const keys = Object.keys(data as object)
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-docs-'))
  const file = join(folder, 'block.yaml')
  writeFileSync(file, text)
  try {
    if (keys.includes('scenario')) {
      const { problems } = loadScenario(file, { worldsFolder: join(packageRoot(), 'scenarios', 'worlds') })
      return problems.map(formatProblem)
    }
    if (keys.includes('tenants')) return loadWorldFile(file).problems.map(formatProblem)
    if (keys.includes('groups')) {
      return loadRules([{ path: file, text }], await testEngine(), 60_000).problems.map(formatProblem)
    }
    if (keys.includes('scrape_configs')) {
      const options = { engine: await testEngine(), environment: {}, files: fileSource }
      return loadPrometheusConfig(file, options).problems.map(formatProblem)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (keys.includes('route')) {
    return loadAlertmanager(place, Buffer.from(text), await testEngine()).problems.map(formatProblem)
  }
  if (keys.every((key) => key in projectSchema.shape)) return issues(projectSchema, data)
  const shape: Readonly<Record<string, z.ZodType>> = scenarioSchema.shape
  if (keys.every((key) => shape[key])) {
    return keys.flatMap((key) => issues(shape[key]!, (data as Record<string, unknown>)[key]))
  }
  return [`${place}: it is not told what this YAML is: mark the block with <!-- not run: why -->`]
}

function issues(schema: z.ZodType, data: unknown): string[] {
  return schema.safeParse(data).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
}
