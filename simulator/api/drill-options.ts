/** What a program may say about a drill: the options of `runDrill` and `runDrills`, their schema, and scenarios as objects. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { InputError, type Problem } from '../scenario/problem.ts'
import type { scenarioSchema } from '../scenario/schema.ts'
import { checkSchema } from '../scenario/schema-problems.ts'

/**
 * A scenario as an object: what a scenario file says, with the same words and units (`'20m'`, `'400ms'`). A world that is
 * named by a path is looked for from the working directory.
 */
export type ScenarioObject = Omit<z.input<typeof scenarioSchema>, 'events'> & {
  readonly events?: readonly ScenarioObjectEvent[]
}

/** An event of a scenario: when it happens, which fault it is, and the parameters of that fault. */
export interface ScenarioObjectEvent {
  readonly id: string
  /** For example `service.crash`; docs/faults.md has them all. */
  readonly fault: string
  /** From the start of the drill, for example `20m`; or `after` another event. */
  readonly at?: string
  readonly hold?: string
  readonly [parameter: string]: unknown
}

/** A path (relative to the working directory) or a `file:` URL. */
export type Path = string | URL

export interface CommonOptions {
  /** Rule files instead of those that the scrape config names: paths or patterns as `rule_files` takes them. */
  readonly rules?: Path | readonly Path[]
  /** The prometheus.yml to scrape by; default: that of the working directory, else the platform's own. */
  readonly prometheusConfig?: Path
  /** The alertmanager.yml that says who is told of each alert. */
  readonly alertmanager?: Path
  /** Folder of dashboards to judge; false: none. Default as `firedrill run`: the platform's own with its own scrape config. */
  readonly dashboards?: Path | false
  /** Another seed than that of the scenario. */
  readonly seed?: number
  /** Who evaluates; default: `embedded`, Prometheus inside of Firedrill. */
  readonly judge?: 'embedded' | 'prometheus' | 'auto'
  /** The prometheus binary, for the judges `prometheus` and `auto`. Default: that on the PATH. */
  readonly prometheus?: Path
  /** Ends the drill early; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
  /** @param share of the virtual time that has passed, 0 to 1 */
  readonly onProgress?: (share: number) => void
}

export interface RunDrillOptions extends CommonOptions {
  /** A file, a name, `name/twin`, or the scenario itself. Twins of it do not run: name them, or use `runDrills`. */
  readonly scenario: Path | ScenarioObject
}

export interface RunDrillsOptions extends CommonOptions {
  /** Files, names, `name/twin`, scenarios; `all`: every scenario of the folder but the long ones. */
  readonly scenarios: 'all' | readonly (Path | ScenarioObject)[]
  /** Only drills with all of these tags. */
  readonly tags?: readonly string[]
  /** Whether twins run too; default: true. */
  readonly twins?: boolean
  /** Drills at a time; default: one for each core. */
  readonly workers?: number
}

const pathSchema = z.union([z.string().min(1), z.instanceof(URL)])
const scenarioInputSchema = z.union([pathSchema, z.record(z.string(), z.unknown())])
const callback = z.custom((value) => typeof value === 'function', 'is not a function')

const commonFields = {
  rules: z.union([pathSchema, z.array(pathSchema).min(1)]).optional(),
  prometheusConfig: pathSchema.optional(),
  alertmanager: pathSchema.optional(),
  dashboards: z.union([pathSchema, z.literal(false)]).optional(),
  seed: z.number().int().min(0).max(4_294_967_295).optional(),
  judge: z.enum(['embedded', 'prometheus', 'auto']).optional(),
  prometheus: pathSchema.optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: callback.optional(),
}

const runDrillSchema = z.strictObject({ ...commonFields, scenario: scenarioInputSchema })

const runDrillsSchema = z.strictObject({
  ...commonFields,
  scenarios: z.union([z.literal('all'), z.array(scenarioInputSchema).min(1)]),
  tags: z.array(z.string()).optional(),
  twins: z.boolean().optional(),
  workers: z.number().int().min(1).optional(),
})

/** Types do not reach programs in JavaScript. @throws InputError that names everything that is wrong */
export function checkOptions(kind: 'runDrill' | 'runDrills', options: unknown): void {
  const schema: z.ZodType<unknown> = kind === 'runDrill' ? runDrillSchema : runDrillsSchema
  const { findings } = checkSchema(schema, options)
  if (findings.length > 0) throw new InputError(findings.map((finding) => withoutFile(`options of ${kind}`, finding)))
}

/** A problem of something that has a name, but no lines. */
export function withoutFile(
  name: string,
  { path, message, hint }: { path: readonly (string | number)[]; message: string; hint?: string | undefined },
): Problem {
  return { file: name, line: 0, column: 0, path: path.join('.'), message, hint }
}

export function pathOf(path: Path): string {
  return path instanceof URL ? fileURLToPath(path) : path
}
