/**
 * Runs one service as a process: reads the settings, listens to the controller, hands the service its live ports, and
 * ends in good order at SIGTERM.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Registry } from 'prom-client'
import { Container } from '../../infrastructure/container.ts'
import type { ServiceDefinition } from '../define-service.ts'
import { FaultTable } from '../fault-table.ts'
import type { MessageBus, Ports } from '../ports.ts'
import { createRng } from '../rng.ts'
import { setupLogging } from '../telemetry/logging.ts'
import { registerProcessMetrics } from '../telemetry/process-metrics.ts'
import { lostText, registerTelemetryMetrics } from '../telemetry/telemetry-metrics.ts'
import { setupTracing } from '../telemetry/tracing.ts'
import { createFastifyServer } from './fastify-server.ts'
import { LineConnection } from './line-protocol.ts'
import { createLineWriter } from './line-writer.ts'
import { createLinks } from './links.ts'
import { createLiveClock, type LiveClock, machineTimers } from './live-clock.ts'
import { createLiveHttpClient } from './live-http-client.ts'
import {
  createBridgedBus,
  createLiveCache,
  createLiveCpu,
  createLiveDatabase,
  createLiveDisk,
  ignoreUnreachable,
  type LiveCaller,
  reportOf,
} from './live-ports.ts'
import { createStateApplier, type ServiceState, subscribe } from './process-state.ts'
import { registerTracing } from './register-tracing.ts'
import { addressOf, type LiveSettings, listenAddressOf, readSettings, type ServiceName } from './settings.ts'
import { createSinks } from './telemetry-sinks.ts'

/** The host shows what a process did at most this much later, milliseconds of the machine. */
const reportEveryMs = 100
/** How often memory is compared with the limit of the container, milliseconds of the platform. */
const memoryCheckEveryMs = 1_000
/** What is buffered reaches its receivers within this time after SIGTERM, or is given up. */
const flushMsMax = 6_000
const busCloseMsMax = 2_000

/** What the kernel's killer leaves as exit code: 128 + SIGKILL. */
const killedForMemory = 137

export async function runService<Name extends ServiceName>(
  definition: ServiceDefinition<LiveSettings['services'][Name]> & { readonly name: string },
): Promise<void> {
  const name = definition.name as Name
  const settings = readSettingsOrExit()
  const clock = createLiveClock(settings.epochMs, settings.speed)
  // Each life draws from streams of its own, or a restarted process would repeat its first hour.
  const life = Number(process.env.FIREDRILL_LIFE ?? 0)
  const rng = createRng(settings.seed).fork(`service/${name}/${life}`)
  const container = new Container(settings.containers.find((options) => options.name === name)!, clock)
  const links = createLinks(clock, rng.fork('links'))
  const faults = new FaultTable(rng.fork('faults'))
  const stdout = createLineWriter(1)
  const sinks = await createSinks(name, settings.telemetry, stdout)
  // Loki, Jaeger and Prometheus show the machine's time, so that what they show fits together at any speed.
  const machineClock = { nowMs: machineTimers.nowMs, sleep: clock.sleep }
  const logger = setupLogging({ service: name, clock: machineClock, write: sinks.log }).getLogger()
  const fail = (error: Error) => {
    logger.child('process').error('process_failed', `${name} has a bug: ${error.message}`, {}, undefined, error)
    stdout.flushNow()
    process.exit(70)
  }
  if (settings.control) {
    await subscribe<ServiceState>({
      address: settings.control.address,
      token: readFileSync(settings.control.tokenFile, 'utf8').trim(),
      process: name,
      life,
      onState: createStateApplier(faults, links, container),
      // Nobody is left who would stop this process: no orphans.
      onEnd: () => process.exit(0),
    })
  }

  const tracing = setupTracing({ service: name, clock: machineClock, rng: rng.fork('spans'), onEnd: sinks.span })
  registerTracing(tracing)

  const caller: LiveCaller = {
    clock,
    container,
    links,
    connect: (server) =>
      new LineConnection(server, addressOf(settings, server), (sent, received) => {
        container.networkSentBytes += sent
        container.networkReceivedBytes += received
      }),
  }
  const host = caller.connect('host')
  const cache = createLiveCache(caller)
  const registry = new Registry()
  const exposeTelemetry = registerTelemetryMetrics(registry, sinks.facts)
  const bus = await createBus(settings, caller, name)
  const ports: Ports = {
    clock,
    rng,
    cpu: createLiveCpu(caller),
    memory: container,
    http: createLiveHttpClient({ clock, links, container, addressOf: (service) => addressOf(settings, service) }),
    bus,
    database: createLiveDatabase(caller, settings.databasePool),
    cache,
    disk: createLiveDisk(caller, host, name),
    faults: faults.pointsOf(name),
    logger,
    tracer: tracing,
    registry,
  }
  const instance = definition.create(ports, settings.services[name])
  const startTimeS = clock.nowMs() / 1000
  const exposeProcess = registerProcessMetrics(registry, () => ({
    startTimeS,
    cpuSeconds: container.cpuSeconds,
    residentBytes: container.memoryBytes,
  }))
  const app = createFastifyServer({
    instance,
    registry,
    container,
    beforeScrape() {
      instance.beforeScrape?.()
      exposeProcess()
      exposeTelemetry()
    },
  })
  await app.listen(listenAddressOf(settings, name))
  for (const loop of instance.loops) loop.run().catch(fail)

  const perRequest = settings.memoryPerRequest[name] ?? 0
  const report = () => {
    container.hold('requests', instance.server.inProgress * perRequest)
    host.request('report', reportOf(name, container, sinks)).catch(ignoreUnreachable)
    // Not at the scrape: it would wait for another process then.
    cache.refreshUsage().catch(fail)
  }
  setInterval(report, reportEveryMs).unref()
  guardMemory(container, clock, () => {
    stdout.flushNow()
    process.exit(killedForMemory)
  })

  let stopping = false
  const stop = async () => {
    // Who asks twice does not want to wait.
    if (stopping) process.exit(130)
    stopping = true
    await app.close()
    // Who leaves its group in order lets the next member begin at once. A broker that is away is not waited for.
    await Promise.race([bus.close?.().catch(() => {}), new Promise((resolve) => setTimeout(resolve, busCloseMsMax))])
    await sinks.close(flushMsMax)
    await stdout.close(flushMsMax)
    for (const line of lostText(sinks.facts())) process.stderr.write(`${name}: ${line}\n`)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** Whoever starts it wrongly needs what to set, and no stack trace. */
function readSettingsOrExit(): LiveSettings {
  try {
    return readSettings(process.argv[2], process.env)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(2)
  }
}

async function createBus(
  settings: LiveSettings,
  caller: LiveCaller,
  service: string,
): Promise<MessageBus & { close?(): Promise<void> }> {
  if (!settings.kafkaBrokers) return createBridgedBus(caller)
  const { createKafkaBus } = await import('./kafka-bus.ts')
  const { topics } = settings.services['data-pipeline']
  return createKafkaBus({ brokers: settings.kafkaBrokers, service, links: caller.links, topics })
}

/** The kernel of the host kills a process whose container is over its limit. */
function guardMemory(container: Container, clock: LiveClock, kill: () => void): void {
  const { memoryLimitBytes } = container.options
  const check = () => {
    if (memoryLimitBytes > 0 && container.memoryBytes > memoryLimitBytes) kill()
    clock.after(memoryCheckEveryMs, check)
  }
  check()
}
