/** The committed list of mutants that nobody could notice, with the reason for each: they do what the rule does. */
import { z } from 'zod'
import { orderProblems, type Problem } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { readYaml } from '../scenario/yaml-document.ts'
import type { Mutant } from './mutate-rule.ts'

export const equivalentMutantsSchema = z.strictObject({
  format: z.literal(1),
  equivalent: z.array(
    z.strictObject({
      rule: z.string().min(1).describe('Name of the alert or recorded series'),
      mutant: z.string().min(1).describe('Name of the mutant, as `firedrill score` prints it'),
      reason: z.string().min(10).describe('Why it does what the rule does, in every drill that could be written'),
    }),
  ),
})

export interface EquivalentMutant {
  readonly rule: string
  readonly mutant: string
  readonly reason: string
}

/** Reads the list; an entry that names no mutant of today's rules is a problem, for it protects nothing. */
export function readEquivalentMutants(
  file: string,
  bytes: Uint8Array,
  mutants: readonly Mutant[],
): { equivalent: readonly EquivalentMutant[]; problems: readonly Problem[] } {
  const { document, problems: ofText } = readYaml(file, bytes)
  if (!document) return { equivalent: [], problems: ofText }
  const { value, findings } = checkSchema(equivalentMutantsSchema, document.data)
  const problems = [...ofText, ...findings.map((finding) => document.locate(finding))]
  const known = new Set(mutants.map(keyOf))
  for (const [i, { rule, mutant }] of (value?.equivalent ?? []).entries()) {
    if (known.has(`${rule} ${mutant}`)) continue
    const path = ['equivalent', i, 'mutant']
    const message = `${rule} has no mutant of this name`
    problems.push(document.locate({ path, on: 'value', message, hint: 'firedrill score --json lists them' }))
  }
  return { equivalent: value?.equivalent ?? [], problems: orderProblems(problems) }
}

export function keyOf({ original, name }: Mutant): string {
  return `${original.name} ${name}`
}
