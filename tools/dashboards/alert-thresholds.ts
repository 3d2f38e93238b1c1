/** The numbers of the alert rules, for the thresholds of the panels: whoever changes a rule changes the panel with it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { readonly alert?: string; readonly expr: string }[] }[]
}

const ruleFile = fileURLToPath(new URL('../../observability/prometheus/alert-rules.yml', import.meta.url))
const { groups } = parse(readFileSync(ruleFile, 'utf8')) as RuleFile

/**
 * @returns the number after the comparison that ends the rule's expression
 * @throws Error when no rule has the name, or its expression ends with no comparison
 */
export function alertThreshold(alertname: string): number {
  const rule = groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === alertname)
  const number = /(?:==|>|<) ([\d.]+)\s*$/.exec(rule?.expr ?? '')?.[1]
  if (number === undefined) throw new Error(`no rule ${alertname} that ends with a comparison`)
  return Number(number)
}
