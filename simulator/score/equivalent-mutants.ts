/** The committed list of mutants that no drill here can notice, with the reason for each. */
import { z } from 'zod'
import { orderProblems, type Problem } from '../scenario/problem.ts'
import { checkSchema } from '../scenario/schema-problems.ts'
import { readYaml } from '../scenario/yaml-document.ts'
import type { Mutant } from './mutate-rule.ts'

const entries = (why: string) =>
  z
    .array(
      z.strictObject({
        rule: z.string().min(1).describe('Name of the alert or recorded series'),
        mutant: z.string().min(1).describe('Name of the mutant, as `firedrill score` prints it'),
        reason: z.string().min(10).describe(why),
      }),
    )
    .default([])

export const equivalentMutantsSchema = z.strictObject({
  format: z.literal(1),
  equivalent: entries('Why it does what the rule does, in every drill that could be written').describe(
    'Mutants that do what the rule does',
  ),
  hidden: entries('What the platform would have to have to show it').describe(
    'Mutants that do something else, but nothing that this platform can show; they count as not noticed',
  ),
})

export interface EquivalentMutant {
  readonly rule: string
  readonly mutant: string
  readonly reason: string
  readonly kind: (typeof kinds)[number]
}

const kinds = ['equivalent', 'hidden'] as const

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
  const equivalent: EquivalentMutant[] = []
  for (const kind of kinds) {
    for (const [i, entry] of (value?.[kind] ?? []).entries()) {
      equivalent.push({ ...entry, kind })
      if (known.has(`${entry.rule} ${entry.mutant}`)) continue
      const path = [kind, i, 'mutant']
      const message = `${entry.rule} has no mutant of this name`
      problems.push(document.locate({ path, on: 'value', message, hint: 'firedrill score --json lists them' }))
    }
  }
  return { equivalent, problems: orderProblems(problems) }
}

export function keyOf({ original, name }: Mutant): string {
  return `${original.name} ${name}`
}
