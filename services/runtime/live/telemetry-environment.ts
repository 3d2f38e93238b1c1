/**
 * What a service is told of its telemetry by environment variables, by the names that OpenTelemetry gives them where it
 * has one. Everything that is missing or wrong is named at once, before the service starts.
 */
import { z } from 'zod'
import { type LogLevel, logLevels } from '../telemetry/logging.ts'
import { labelSetsMaxDefault } from '../telemetry/telemetry-metrics.ts'

export interface TelemetryEnvironment {
  readonly service: string
  /** Where it runs, for example `prod`; a label of its log lines. */
  readonly environment: string
  readonly logLevel: LogLevel
  readonly logLevels: Readonly<Record<string, LogLevel>>
  readonly lokiUrl: string | undefined
  readonly tracesExporter: 'otlp' | 'jaeger'
  /** Undefined: spans go nowhere. */
  readonly tracesUrl: string | undefined
  /** Share of the traces begun here that are recorded. */
  readonly sampling: number
  readonly labelSetsMax: number
}

export type Environment = Readonly<Record<string, string | undefined>>

/** For people, never with a stack trace: one line for each variable. */
export class EnvironmentError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`the environment is not complete:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'EnvironmentError'
    this.problems = problems
  }
}

const url = z.url({ protocol: /^https?$/, error: 'must be a URL, for example http://localhost:4318' })
const level = z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
const share = z.coerce
  .number({ error: 'must be a number' })
  .min(0, 'must be between 0 and 1')
  .max(1, 'must be between 0 and 1')

const schema = z.object({
  OTEL_SERVICE_NAME: z
    .string({ error: 'is missing: the name of the service, for example checkout' })
    .regex(/^[a-z][a-z0-9-]*$/, 'must be lower-case letters, digits and dashes'),
  DEPLOYMENT_ENVIRONMENT: z.string().default('dev'),
  LOG_LEVEL: level.default('info'),
  LOG_LEVELS: z
    .string()
    .default('')
    .transform((text, check) => {
      const pairs = text.split(',').filter((pair) => pair.trim() !== '')
      return Object.fromEntries(
        pairs.map((pair) => {
          const [name = '', value] = pair.split('=').map((part) => part.trim())
          const parsed = level.safeParse(value)
          if (name === '' || !parsed.success) {
            check.addIssue(`"${pair.trim()}" is not <logger>=<level>, for example http=warn,training=debug`)
          }
          return [name, parsed.data ?? 'info'] as const
        }),
      )
    }),
  LOKI_URL: url.optional(),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'jaeger', 'none'], { error: 'must be otlp, jaeger or none' }).default('otlp'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
  OTEL_EXPORTER_JAEGER_ENDPOINT: url.optional(),
  OTEL_TRACES_SAMPLER_ARG: share.default(1),
  METRICS_LABEL_SETS_MAX: z.coerce
    .number({ error: 'must be a number' })
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .default(labelSetsMaxDefault),
})

/** @throws EnvironmentError with every problem. An empty variable counts as one that is not set. */
export function readTelemetryEnvironment(environment: Environment, service?: string): TelemetryEnvironment {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const { data, error } = schema.safeParse({ ...(service && { OTEL_SERVICE_NAME: service }), ...given })
  const problems = (error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}`)
  const missing = missingEndpoint(given)
  if (missing) problems.push(missing)
  if (!data || problems.length > 0) throw new EnvironmentError(problems)
  const { OTEL_TRACES_EXPORTER: exporter } = data
  return {
    service: data.OTEL_SERVICE_NAME,
    environment: data.DEPLOYMENT_ENVIRONMENT,
    logLevel: data.LOG_LEVEL,
    logLevels: data.LOG_LEVELS,
    lokiUrl: data.LOKI_URL,
    tracesExporter: exporter === 'jaeger' ? 'jaeger' : 'otlp',
    tracesUrl:
      exporter === 'none'
        ? undefined
        : exporter === 'jaeger'
          ? data.OTEL_EXPORTER_JAEGER_ENDPOINT
          : data.OTEL_EXPORTER_OTLP_ENDPOINT,
    sampling: data.OTEL_TRACES_SAMPLER_ARG,
    labelSetsMax: data.METRICS_LABEL_SETS_MAX,
  }
}

/** Spans that silently go to a default address are found missing months later. */
function missingEndpoint(given: Environment): string | undefined {
  const exporter = given.OTEL_TRACES_EXPORTER ?? 'otlp'
  const name = { otlp: 'OTEL_EXPORTER_OTLP_ENDPOINT', jaeger: 'OTEL_EXPORTER_JAEGER_ENDPOINT' }[exporter]
  if (name === undefined || given[name] !== undefined) return undefined
  const example = exporter === 'otlp' ? 'http://localhost:4318' : 'http://localhost:14268/api/traces'
  return `${name} is missing: where spans go, for example ${example}; OTEL_TRACES_EXPORTER=none sends none`
}
