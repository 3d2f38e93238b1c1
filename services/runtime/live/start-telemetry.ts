/**
 * Telemetry for a service of your own, in one call: log lines on stdout (and in Loki), spans to a collector, metrics in a
 * registry, and Fastify plugins that fill all three. Read from the environment; see docs/add-a-service.md.
 */
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { getLogger, type Logger, type Logging, setupLogging } from '../telemetry/logging.ts'
import { registerProcessMetrics } from '../telemetry/process-metrics.ts'
import { lostText, registerTelemetryMetrics, type TelemetryFacts } from '../telemetry/telemetry-metrics.ts'
import { setupTracing, type Tracing } from '../telemetry/tracing.ts'
import { fastifyTelemetry } from './fastify-telemetry.ts'
import { createLineWriter } from './line-writer.ts'
import { machineTimers } from './live-clock.ts'
import { registerTracing } from './register-tracing.ts'
import { type Environment, EnvironmentError, readTelemetryEnvironment } from './telemetry-environment.ts'
import { createSinks } from './telemetry-sinks.ts'

export interface StartTelemetryOptions {
  /** `OTEL_SERVICE_NAME` replaces it. */
  readonly service: string
  /** That of the process when left out. */
  readonly environment?: Environment
  /** Where lines go, a file descriptor; stdout when left out. */
  readonly fd?: number
}

export interface Telemetry {
  readonly logging: Logging
  readonly tracing: Tracing
  /** What /metrics shows: register your own metrics here, by `registerMetrics`. */
  readonly registry: Registry
  readonly clock: { nowMs(): number }
  getLogger(name?: string): Logger
  /** Spans, log lines, request metrics and /metrics for an application. Call it before routes are added. */
  instrument(app: FastifyInstance, options?: { readonly quiet?: readonly string[] }): Promise<void>
  facts(): readonly TelemetryFacts[]
  /** Sends what is buffered, within that time. @returns what was lost, for people; one line a signal */
  close(withinMs?: number): Promise<string[]>
}

/** @throws EnvironmentError that names everything missing or wrong */
export async function startTelemetry({
  service,
  environment = process.env,
  fd = 1,
}: StartTelemetryOptions): Promise<Telemetry> {
  const settings = readTelemetryEnvironment(environment, service)
  const stdout = createLineWriter(fd)
  const sinks = await createSinks(settings.service, { ...settings, spansFolder: undefined }, stdout)
  const clock = { nowMs: machineTimers.nowMs }
  const startTimeS = clock.nowMs() / 1000
  const common = { service: settings.service, clock, frames: 'full' } as const
  const logging = setupLogging({ ...common, write: sinks.log, level: settings.logLevel, levels: settings.logLevels })
  const rng = {
    hex: (digits: number) =>
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
  }
  const tracing = setupTracing({ ...common, rng, onEnd: sinks.span, sampling: settings.sampling })
  registerTracing(tracing)
  const registry = new Registry()
  const exposeTelemetry = registerTelemetryMetrics(registry, sinks.facts, settings.labelSetsMax)
  const exposeProcess = registerProcessMetrics(registry, () => {
    const { user, system } = process.cpuUsage()
    return { startTimeS, cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
  })
  return {
    logging,
    tracing,
    registry,
    clock,
    getLogger,
    facts: sinks.facts,
    async instrument(app, options) {
      await app.register(fastifyTelemetry, {
        clock,
        tracer: tracing,
        logger: logging.getLogger('http'),
        registry,
        newRequestId: () => `req-${rng.hex(16)}`,
        beforeScrape() {
          exposeProcess()
          exposeTelemetry()
        },
        ...options,
      })
    },
    async close(withinMs = 5_000) {
      await sinks.close(withinMs)
      await stdout.close(withinMs)
      return lostText(sinks.facts())
    },
  }
}

/**
 * Runs the main function of a process: an incomplete environment is said in plain words with exit code 2, and SIGTERM and
 * SIGINT end it in good order.
 * @param main gives what is to be done at the end, which also says what was lost
 */
export async function runMain(main: () => Promise<() => Promise<readonly string[]>>): Promise<void> {
  let close: () => Promise<readonly string[]>
  try {
    close = await main()
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
  let stopping = false
  const stop = async () => {
    // Who asks twice does not want to wait.
    if (stopping) process.exit(130)
    stopping = true
    for (const line of await close()) process.stderr.write(`${line}\n`)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
