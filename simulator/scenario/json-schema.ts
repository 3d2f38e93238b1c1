/** The JSON Schemas that editors use for scenario and world files, made from the code's own schemas. */
import { z } from 'zod'
import { formatDurationMs } from '../../services/runtime/duration.ts'
import { worldSchema } from '../world/world-schema.ts'
import { scenarioSchema } from './schema.ts'

/** Path in the repository to the text of each schema file. */
export function jsonSchemaFiles(): Readonly<Record<string, string>> {
  return {
    'scenarios/scenario.schema.json': textOf(scenarioSchema, 'A Firedrill scenario'),
    'scenarios/worlds/world.schema.json': textOf(worldSchema, 'A Firedrill world'),
  }
}

function textOf(schema: z.ZodType, title: string): string {
  // `input`: what people write, before durations become numbers and defaults are filled in.
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', override: writeDefaultAsText })
  return `${JSON.stringify({ $schema, title, ...rest }, null, 1)}\n`
}

/** Defaults of durations are milliseconds in the code; in a file they are text. */
function writeDefaultAsText({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const isDuration = jsonSchema.type === 'string' && typeof jsonSchema.default === 'number'
  if (isDuration) jsonSchema.default = formatDurationMs(jsonSchema.default as number)
}
