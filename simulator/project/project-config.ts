/** firedrill.yaml of a project: where its files are and which findings it accepts, so that commands need no flags. */
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { type Finding, orderProblems, type Problem } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { readYaml } from '../scenario/yaml-document.ts'

export const projectFile = 'firedrill.yaml'

const oneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())])

export const projectSchema = z.strictObject({
  rules: oneOrMore.optional().describe('Rule files, patterns; instead of those that the scrape config names'),
  prometheusConfig: z.string().optional().describe('prometheus.yml to scrape by'),
  dashboards: z.string().optional().describe('Folder of dashboards'),
  alertmanager: z.string().optional().describe('alertmanager.yml that says who is told'),
  scenarios: z.string().optional().describe('Folder of scenarios'),
  documentation: oneOrMore.optional().describe('Files that document metrics'),
  coverage: z
    .strictObject({
      still: z
        .array(
          z.strictObject({
            dashboard: z.string().describe('Uid or title of the dashboard'),
            panel: z.string().describe('Title of the panel'),
            reason: z.string().min(1).describe('Why no cause is to move it'),
          }),
        )
        .default([])
        .describe('Panels that rightly never move; what moves all the same is reported'),
    })
    .optional(),
  findings: z
    .strictObject({
      failOn: z.enum(['info', 'warning', 'error']).optional().describe('Exit 7 on a finding of this severity'),
      ignore: z
        .array(
          z.strictObject({
            code: z.string().describe('Code of the finding'),
            where: z.string().optional().describe('Part of its place or message, for example the name of the rule'),
            reason: z.string().min(1).describe('Why it is accepted'),
          }),
        )
        .default([]),
    })
    .optional(),
})

export type ProjectConfig = z.infer<typeof projectSchema>

export interface LoadedProject {
  readonly config: ProjectConfig
  readonly problems: readonly Problem[]
  /** Gives what is found out later its place; undefined when there is no such file. */
  readonly locate?: (finding: Finding) => Problem
}

/** Paths in it are relative to the folder. Without a file the config is empty. */
export function loadProjectConfig(folder: string): LoadedProject {
  const file = join(folder, projectFile)
  if (!existsSync(file)) return { config: {}, problems: [] }
  const { document, problems } = readYaml(file, readFileSync(file))
  if (!document) return { config: {}, problems }
  // An empty file is a config without anything.
  const { value, findings } = checkSchema(projectSchema, document.data ?? {})
  const all = orderProblems([...problems, ...findings.map(document.locate)])
  return { config: value ? inFolder(value, folder) : {}, problems: all, locate: document.locate }
}

function inFolder(config: ProjectConfig, folder: string): ProjectConfig {
  if (folder === '.') return config
  const place = (path: string) => (isAbsolute(path) ? path : join(folder, path))
  const { rules, prometheusConfig, dashboards, alertmanager, scenarios, documentation, ...rest } = config
  return {
    ...rest,
    ...(rules && { rules: rules.map(place) }),
    ...(prometheusConfig !== undefined && { prometheusConfig: place(prometheusConfig) }),
    ...(dashboards !== undefined && { dashboards: place(dashboards) }),
    ...(alertmanager !== undefined && { alertmanager: place(alertmanager) }),
    ...(scenarios !== undefined && { scenarios: place(scenarios) }),
    ...(documentation && { documentation: documentation.map(place) }),
  }
}
