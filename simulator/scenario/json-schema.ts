/** The JSON Schemas that editors use for scenario and world files, made from the code's own schemas. */
import { z } from 'zod'
import { projectSchema } from '../project/project-config.ts'
import { worldSchema } from '../world/world-schema.ts'
import { scenarioSchema } from './schema.ts'

/** Path in the repository to the text of each schema file. */
export function jsonSchemaFiles(): Readonly<Record<string, string>> {
  return {
    'scenarios/scenario.schema.json': textOf(scenarioSchema, 'A Firedrill scenario'),
    'scenarios/firedrill.schema.json': textOf(projectSchema, 'firedrill.yaml of a project'),
    'scenarios/worlds/world.schema.json': textOf(worldSchema, 'A Firedrill world'),
  }
}

function textOf(schema: z.ZodType, title: string): string {
  // `input`: what people write, before durations become numbers and defaults are filled in.
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return `${JSON.stringify({ $schema, title, ...rest }, null, 1)}\n`
}
