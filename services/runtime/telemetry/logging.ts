/**
 * Log lines as the platform documents them: one JSON object a line, written by pino. Time, host and process id come
 * from the world, never from the machine.
 */
import pino from 'pino'
import type { Clock, RequestContext } from '../ports.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Writes events. Never throws, never waits. */
export interface Logger {
  /** A logger of the same service for another module. */
  child(logger: string): Logger
  info(event: string, message: string, fields?: LogFields, context?: RequestContext): void
  warn(event: string, message: string, fields?: LogFields, context?: RequestContext): void
  /** `error` becomes `exception: {type, message, stacktrace}`. */
  error(event: string, message: string, fields?: LogFields, context?: RequestContext, error?: Error): void
}

export interface LoggingOptions {
  readonly service: string
  readonly clock: Clock
  /** Takes one line, with its line break. */
  readonly write: (line: string) => void
  readonly level?: LogLevel
}

/** Sets up the logging of one process. Each line has `timestamp` (RFC 3339, ms), upper-case `level` and `message`. */
export function createLogger({ service, clock, write, level = 'info' }: LoggingOptions): Logger {
  const root = pino(
    {
      level,
      messageKey: 'message',
      // Host name and process id would differ from run to run.
      base: undefined,
      timestamp: () => `,"timestamp":"${new Date(Math.floor(clock.nowMs())).toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    { write },
  )
  return wrap(root, service, service)
}

function wrap(root: pino.Logger, service: string, loggerName: string): Logger {
  const fieldsOf = (event: string, fields: LogFields | undefined, context: RequestContext | undefined) => ({
    logger: loggerName,
    service,
    module: loggerName.slice(loggerName.lastIndexOf('.') + 1),
    event,
    ...(context && {
      request_id: context.requestId,
      tenant_id: context.tenantId,
      user_id: context.userId,
      trace_id: context.traceId,
      span_id: context.span?.spanId,
    }),
    ...fields,
  })
  return {
    child: (name) => wrap(root, service, `${service}.${name}`),
    info: (event, message, fields, context) => root.info(fieldsOf(event, fields, context), message),
    warn: (event, message, fields, context) => root.warn(fieldsOf(event, fields, context), message),
    error: (event, message, fields, context, error) =>
      root.error(
        { ...fieldsOf(event, fields, context), ...(error && { exception: describeException(error) }) },
        message,
      ),
  }
}

/**
 * Type, message and own frames. Paths and frames of the runtime differ from machine to machine, so the stack holds
 * the names of the functions alone.
 */
export function describeException(error: Error): { type: string; message: string; stacktrace: string } {
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at .*[/\\]services[/\\]/.test(line))
    .map((line) => /at (?:async )?([^\s(]+) \(.*[/\\]services[/\\]([^)]*?)\.[jt]s:/.exec(line))
    .filter((match) => match !== null)
    .map((match) => `    at ${match[1]} (services/${match[2]!.replaceAll('\\', '/')})`)
  return {
    type: error.name,
    message: error.message,
    stacktrace: [`${error.name}: ${error.message}`, ...frames].join('\n'),
  }
}
