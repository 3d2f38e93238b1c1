/** What the user would type to see a drill again. */
import type { JudgeOptions, SetUpOptions } from './set-up.ts'

/** @param options what `repeatOptions` gives */
export function repeatCommand({ scenario, name, seed }: Named, options: string): string {
  return `firedrill run ${name ?? scenario} --seed ${seed}${options}`
}

/** The options of a run that change what a drill gives, as they are typed. */
export function repeatOptions({
  rules,
  dashboards,
  prometheusConfig,
  judge,
}: SetUpOptions & Partial<Pick<JudgeOptions, 'judge'>>): string {
  const parts = ['']
  if (rules !== undefined) parts.push(`--rules '${rules}'`)
  if (typeof dashboards === 'string') parts.push(`--dashboards ${dashboards}`)
  if (prometheusConfig !== undefined) parts.push(`--prometheus-config ${prometheusConfig}`)
  if (judge !== undefined && judge !== 'embedded') parts.push(`--judge ${judge}`)
  return parts.join(' ')
}

/** A drill by its name, or its result. */
interface Named {
  readonly name?: string
  readonly scenario: string
  readonly seed: number
}
