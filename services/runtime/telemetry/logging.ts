/**
 * Log lines as the platform documents them: one JSON object a line, written by pino. Time, host and process id come
 * from the world, never from the machine. Logging never throws and never waits; what it could not write is counted.
 */
import pino from 'pino'
import type { Clock } from '../ports.ts'
import { redactFields, redactText } from './redaction.ts'
import { activeSpan, currentRequestFields, followRequests, type RequestFields } from './request-fields.ts'

export { type RequestFields, runWithRequestContext, setRequestContext } from './request-fields.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** Writes events. Never throws, never waits. Without a `context` a line carries that of the request it is written in. */
export interface Logger {
  /** A logger of the same service for another module. */
  child(logger: string): Logger
  debug(event: string, message: string, fields?: LogFields, context?: RequestFields): void
  info(event: string, message: string, fields?: LogFields, context?: RequestFields): void
  warn(event: string, message: string, fields?: LogFields, context?: RequestFields): void
  /** `error` becomes `exception: {type, message, stacktrace}`. */
  error(event: string, message: string, fields?: LogFields, context?: RequestFields, error?: Error): void
}

export interface LoggingOptions {
  readonly service: string
  readonly clock: Pick<Clock, 'nowMs'>
  /** Takes one line, with its line break. Must not wait. */
  readonly write: (line: string) => void
  readonly level?: LogLevel
  /** By logger, for example `{ http: 'warn' }`: holds for `<service>.http` and all below it. */
  readonly levels?: Readonly<Record<string, LogLevel>>
  /** Frames of exceptions: `named`, the same on every machine, or `full`, with file and line. `named` when left out. */
  readonly frames?: ExceptionFrames
}

export interface Logging {
  /** @param name of the module; without one, the service itself. Its lines say `logger: <service>.<name>`. */
  getLogger(name?: string): Logger
  logPerformance: typeof logPerformance
  /** Lines that could not be written: the destination threw. */
  readonly dropped: number
}

/** Sets up the logging of one process: from here on `getLogger` and `logPerformance` write to it, and requests are followed. */
export function setupLogging(options: LoggingOptions): Logging {
  followRequests()
  processLogging = createLogging(options)
  return processLogging
}

let processLogging: Logging | undefined

/** A logger of this process, also of one that is set up only later; until then its lines go nowhere. */
export function getLogger(name?: string): Logger {
  let found: { of: Logging; logger: Logger } | undefined
  const current = (): Logger | undefined => {
    if (processLogging && found?.of !== processLogging) {
      found = { of: processLogging, logger: processLogging.getLogger(name) }
    }
    return found?.logger
  }
  return {
    child: (childName) => getLogger(childName),
    debug: (...line) => current()?.debug(...line),
    info: (...line) => current()?.info(...line),
    warn: (...line) => current()?.warn(...line),
    error: (...line) => current()?.error(...line),
  }
}

export interface PerformanceOptions {
  readonly logger?: Logger
  readonly fields?: LogFields
  readonly context?: RequestFields
}

/**
 * Runs an operation and logs how long it took: `operation_completed` or `operation_failed`, with `operation`, `duration`
 * (seconds) and `success`. Gives and throws what `run` gives and throws; a promise is logged when it settles.
 */
export function logPerformance<T>(operation: string, run: () => T, options?: PerformanceOptions): T {
  return processLogging ? processLogging.logPerformance(operation, run, options) : run()
}

/** Logging of its own for one service: a virtual world has several in one process. */
export function createLogging(options: LoggingOptions): Logging {
  const { service, clock, write, level = 'info', levels = {}, frames = 'named' } = options
  let dropped = 0
  const root = pino(
    {
      level: 'debug',
      messageKey: 'message',
      // Host name and process id would differ from run to run.
      base: undefined,
      timestamp: () => `,"timestamp":"${new Date(Math.floor(clock.nowMs())).toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    {
      write(line: string) {
        try {
          write(line)
        } catch {
          dropped += 1
        }
      },
    },
  )

  function logger(loggerName: string): Logger {
    const least = logLevels.indexOf(levelOf(loggerName.slice(service.length + 1), levels) ?? level)
    const module = loggerName.slice(loggerName.lastIndexOf('.') + 1)

    const line = (
      lineLevel: LogLevel,
      event: string,
      message: string,
      fields: LogFields | undefined,
      context: RequestFields | undefined,
      error?: Error,
    ): void => {
      if (logLevels.indexOf(lineLevel) < least) return
      const own = { logger: loggerName, service, module, event }
      try {
        root[lineLevel](
          {
            ...own,
            ...(context ? idsOf(context) : ambientIds()),
            ...(fields && redactFields(fields)),
            ...(error && { exception: redactFields(describeException(error, frames)) }),
          },
          redactText(message),
        )
      } catch (problem) {
        // A field that can't be read must not stop the service that logs it.
        root.error({ ...own, logging_error: String(problem) }, redactText(String(message)))
      }
    }
    return {
      child: (name) => logger(`${service}.${name}`),
      debug: (event, message, fields, context) => line('debug', event, message, fields, context),
      info: (event, message, fields, context) => line('info', event, message, fields, context),
      warn: (event, message, fields, context) => line('warn', event, message, fields, context),
      error: (event, message, fields, context, error) => line('error', event, message, fields, context, error),
    }
  }

  const getLogger = (name?: string) => logger(name === undefined ? service : `${service}.${name}`)
  return {
    getLogger,
    logPerformance: (operation, run, { logger = getLogger('performance'), fields, context } = {}) => {
      const startMs = clock.nowMs()
      const result = (success: boolean) => ({
        operation,
        duration: Math.round((clock.nowMs() - startMs) * 1000) / 1e6,
        success,
        ...fields,
      })
      const completed = () => logger.info('operation_completed', `${operation} completed`, result(true), context)
      const failed = (thrown: unknown): never => {
        const error = errorOf(thrown)
        logger.error('operation_failed', `${operation} failed: ${error.message}`, result(false), context, error)
        throw thrown
      }
      return observeOutcome(run, completed, failed)
    },
    get dropped() {
      return dropped
    },
  }
}

/** The logger of a service, without what else logging offers. */
export function createLogger(options: LoggingOptions): Logger {
  return createLogging(options).getLogger()
}

/** Tells how a function ended, at once or when its promise settles. `failed` throws. */
export function observeOutcome<T>(run: () => T, completed: () => void, failed: (thrown: unknown) => never): T {
  let result: T
  try {
    result = run()
  } catch (thrown) {
    return failed(thrown)
  }
  if (result instanceof Promise) {
    return result.then((value) => {
      completed()
      return value
    }, failed) as T
  }
  completed()
  return result
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function idsOf(context: RequestFields) {
  return {
    request_id: context.requestId,
    tenant_id: context.tenantId,
    user_id: context.userId,
    trace_id: context.traceId ?? context.span?.traceId,
    span_id: context.span?.spanId,
  }
}

/** The ids of the request that this is written in, and of the innermost span around it. */
function ambientIds() {
  const fields = currentRequestFields()
  const span = activeSpan()
  if (!fields && !span) return undefined
  const ids = idsOf(fields ?? {})
  return span ? { ...ids, trace_id: span.traceId, span_id: span.spanId } : ids
}

/** The longest name that the logger is, or stands below. */
function levelOf(name: string, levels: Readonly<Record<string, LogLevel>>): LogLevel | undefined {
  for (let prefix = name; prefix !== ''; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))) {
    if (Object.hasOwn(levels, prefix)) return levels[prefix]
  }
  return undefined
}

export type ExceptionFrames = 'named' | 'full'

/**
 * Type, message and own frames. Paths and frames of the runtime differ from machine to machine, so `named` frames hold
 * the names of the platform's own functions alone; `full` ones are for processes whose lines nobody compares.
 */
export function describeException(
  error: Error,
  frames: ExceptionFrames = 'named',
): { type: string; message: string; stacktrace: string } {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    type: error.name,
    message: error.message,
    stacktrace: [`${error.name}: ${error.message}`, ...(frames === 'full' ? lines : namedFrames(lines))].join('\n'),
  }
}

function namedFrames(lines: readonly string[]): string[] {
  return lines
    .map((line) => /at (?:async )?([^\s(]+) \(.*[/\\]services[/\\]([^)]*?)\.[jt]s:/.exec(line))
    .filter((match) => match !== null)
    .map((match) => `    at ${match[1]} (services/${match[2]!.replaceAll('\\', '/')})`)
}
