/** Reads the shipped rule file and scrape config for the tests beside this file. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuleGroup {
  readonly name: string
  readonly interval: string
  readonly rules: readonly Rule[]
}

export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}

export function readText(path: string): string {
  return readFileSync(repositoryPath(path), 'utf8')
}

export function readRuleGroups(file = 'alert-rules.yml'): readonly RuleGroup[] {
  return (parse(readText(`observability/prometheus/${file}`)) as { groups: RuleGroup[] }).groups
}
