/** Turns what zod finds wrong with data into findings for people: what was expected, what is there, what was meant. */
import type { z } from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { type DataPath, type Finding, showValue } from './problem.ts'

export interface SchemaResult<Value> {
  /** Undefined when there are findings. */
  readonly value: Value | undefined
  readonly findings: readonly Finding[]
}

/** @param path where the data stands in its file */
export function checkSchema<Value>(schema: z.ZodType<Value>, data: unknown, path: DataPath = []): SchemaResult<Value> {
  const result = schema.safeParse(data)
  if (result.success) return { value: result.data, findings: [] }
  const findings = result.error.issues.flatMap((issue) => findingsOf(issue, { schema, data, path }))
  return { value: undefined, findings }
}

interface Context {
  readonly schema: z.ZodType
  readonly data: unknown
  readonly path: DataPath
}

type Issue = z.core.$ZodIssue

function findingsOf(issue: Issue, context: Context): Finding[] {
  const inside = issue.path as (string | number)[]
  const path = [...context.path, ...inside]
  const value = valueAt(context.data, inside)
  const wrong = (message: string, hint?: string): Finding[] => [{ path, on: 'value', message, hint }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue.keys, context, inside)
    case 'invalid_union':
      return unionFindings(issue, context, inside)
    case 'invalid_key':
      return [{ path, on: 'key', message: issue.issues[0]?.message ?? 'is not accepted as a key' }]
    case 'invalid_value': {
      if (value === undefined) return wrong(`is missing; ${oneOf(issue.values)}`)
      return wrong(...choiceMessage(issue.values, value))
    }
    case 'invalid_type':
      if (value === undefined) return [...missing(context, inside)]
      return wrong(...typeMessage(issue.expected, value, schemaAt(context.schema, context.data, inside)))
    case 'too_small':
      return wrong(limitMessage('least', issue.origin, issue.minimum, issue.inclusive ?? true, value))
    case 'too_big':
      return wrong(limitMessage('most', issue.origin, issue.maximum, issue.inclusive ?? true, value))
    case 'invalid_format':
      return wrong(
        `${showValue(value)} ${issue.message.startsWith('Invalid') ? 'is not written as it must be' : issue.message}`,
      )
    default:
      return wrong(issue.message)
  }
}

/** Of a mapping that must hold something, what that is. */
function missing({ schema, data, path }: Context, inside: DataPath): readonly Finding[] {
  const at = [...path, ...inside]
  const wanted = schemaAt(schema, data, inside)
  const needed = wanted && definitionOf(wanted).type === 'object' ? checkSchema(wanted, {}, at).findings : []
  return needed.length > 0 ? needed : [{ path: at, on: 'value', message: 'is missing', hint: undefined }]
}

function typeMessage(expected: string, value: unknown, schema: z.ZodType | undefined): [string, string | undefined] {
  if (value === null) return ['has no value', undefined]
  const message = `must be ${typeName(expected)}, but is ${showValue(value)}`
  if (expected !== 'string' || !['number', 'boolean'].includes(typeof value)) return [message, undefined]
  const accepts = (text: string) => schema?.safeParse(text).success === true
  // A number where a duration or a size is meant lacks its unit.
  if (!accepts(String(value)) && accepts(`${value}s`)) {
    return [`must be a duration, but is ${value}`, `add the unit: ${value}s, ${value}m or ${value}h`]
  }
  if (!accepts(String(value)) && accepts(`${value}MiB`)) {
    return [`must be a size, but is ${value}`, `add the unit: ${value}MiB or ${value}GiB`]
  }
  return [message, `write it in quotes if the text "${value}" is meant`]
}

/** Long lists help nobody who has only mistyped. */
function choiceMessage(values: readonly unknown[], value: unknown): [string, string | undefined] {
  const words = values.filter((word) => typeof word === 'string')
  const nearest = typeof value === 'string' ? didYouMean(value, words) : undefined
  if (nearest && values.length > 6) return [`${showValue(value)} is not known here`, nearest]
  return [`must be ${oneOf(values)}, but is ${showValue(value)}`, nearest]
}

function typeName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    tuple: 'a list',
  }
  return names[expected] ?? expected
}

function limitMessage(
  side: 'least' | 'most',
  origin: string,
  limit: number | bigint,
  inclusive: boolean,
  value: unknown,
): string {
  const bound = inclusive ? `at ${side} ${limit}` : `${side === 'least' ? 'more' : 'less'} than ${limit}`
  if (origin === 'string') return `must have ${bound} ${limit === 1 ? 'character' : 'characters'}`
  if (origin === 'array')
    return `must have ${bound} ${limit === 1 ? 'entry' : 'entries'}, but has ${(value as unknown[]).length}`
  return `must be ${bound}, but is ${showValue(value)}`
}

function unknownKeys(keys: readonly string[], { schema, data, path }: Context, inside: DataPath): Finding[] {
  const known = keysOf(schemaAt(schema, data, inside), valueAt(data, inside))
  const present = valueAt(data, inside)
  return keys.map((key) => {
    const candidates = known.filter((name) => !(isMapping(present) && Object.hasOwn(present, name)))
    const nearest = didYouMean(key, candidates) ?? didYouMean(key, known)
    const listed = known.length > 0 && known.length <= 16 ? `known are ${known.join(', ')}` : undefined
    return { path: [...path, ...inside, key], on: 'key', message: 'is not a known key', hint: nearest ?? listed }
  })
}

function unionFindings(issue: Issue & { code: 'invalid_union' }, context: Context, inside: DataPath): Finding[] {
  const path = [...context.path, ...inside]
  const value = valueAt(context.data, inside)
  const options = (issue as { options?: readonly unknown[] }).options
  if (options) {
    if (value === undefined) return [{ path, on: 'value', message: `is missing; ${oneOf(options)}` }]
    const [message, hint] = choiceMessage(options, value)
    return [{ path, on: 'value', message, hint }]
  }
  const fitting = issue.errors.filter((branch) => !branch.some(failsAtOnce))
  const nearest = fitting.toSorted((a, b) => a.length - b.length)[0]
  if (nearest) return nearest.flatMap((inner) => findingsOf({ ...inner, path: [...inside, ...inner.path] }, context))
  const root = issue.errors.flat().filter(failsAtOnce)
  const words = root.flatMap((inner) => (inner.code === 'invalid_value' ? inner.values : []))
  const types = root.flatMap((inner) => (inner.code === 'invalid_type' ? [typeName(inner.expected)] : []))
  const expected = [...words.map((word) => showValue(word)), ...new Set(types)].join(' or ')
  if (value === undefined) return [{ path, on: 'value', message: `is missing; ${expected}` }]
  const hint = typeof value === 'string' ? didYouMean(value, words.map(String)) : undefined
  return [{ path, on: 'value', message: `must be ${expected}, but is ${showValue(value)}`, hint }]
}

/** The data is of another kind than this branch of a union wants. */
function failsAtOnce(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map(showValue)
  return shown.length === 1 ? shown[0]! : `one of ${shown.join(', ')}`
}

/** The schema that guards a place in the data, as far as it can be told. */
function schemaAt(schema: z.ZodType, data: unknown, path: DataPath): z.ZodType | undefined {
  let current: z.ZodType | undefined = schema
  let value = data
  for (const step of path) {
    if (!current) return undefined
    current = childOf(unwrap(current, value), step)
    value = valueAt(value, [step])
  }
  return current && unwrap(current, value)
}

// biome-ignore lint/suspicious/noExplicitAny: the definitions of zod's schemas differ by their type
const definitionOf = (schema: z.ZodType): any => schema._zod.def

function unwrap(schema: z.ZodType, value: unknown): z.ZodType {
  const definition = definitionOf(schema)
  if (definition.innerType) return unwrap(definition.innerType, value)
  if (definition.type === 'pipe') return unwrap(definition.in, value)
  if (definition.type !== 'union') return schema
  const options: z.ZodType[] = definition.options.map((option: z.ZodType) => unwrap(option, value))
  const fits = options.find((option) => {
    if (!definition.discriminator) return definitionOf(option).type === (Array.isArray(value) ? 'array' : 'object')
    const literal = definitionOf(option).shape[definition.discriminator]
    return isMapping(value) && literal.safeParse(value[definition.discriminator]).success
  })
  return fits ?? schema
}

function childOf(schema: z.ZodType, step: string | number): z.ZodType | undefined {
  const definition = definitionOf(schema)
  if (definition.type === 'object') return definition.shape[step] ?? definition.catchall
  if (definition.type === 'array') return definition.element
  if (definition.type === 'tuple') return definition.items[step]
  return definition.type === 'record' ? definition.valueType : undefined
}

function keysOf(schema: z.ZodType | undefined, value: unknown): string[] {
  if (!schema) return []
  const definition = definitionOf(unwrap(schema, value))
  return definition.type === 'object' ? Object.keys(definition.shape) : []
}

export function valueAt(data: unknown, path: DataPath): unknown {
  let value = data
  for (const step of path) {
    if (Array.isArray(value) ? typeof step !== 'number' : !isMapping(value)) return undefined
    value = Object.hasOwn(value as object, step) ? (value as Record<string | number, unknown>)[step] : undefined
  }
  return value
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
