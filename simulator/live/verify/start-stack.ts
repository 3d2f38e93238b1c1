/**
 * The stack that `firedrill verify` starts for itself: the live platform with a real Prometheus and Alertmanager, and a
 * Loki and a Jaeger where they were built, all with the shipped configuration on free ports of this machine.
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { realStackFolder } from '../../judge/prometheus/find-binary.ts'
import { packageRoot } from '../../package-root.ts'
import type { Drill } from '../../scenario/scenario.ts'
import { LivePartError, LivePlatform, type LivePlatformOptions } from '../live-platform.ts'
import { documentedPorts } from '../platform-settings.ts'
import { freePorts } from '../ports.ts'
import { Supervisor } from '../supervisor.ts'
import { eventually } from './ask.ts'
import { type Stack, Unanswered } from './check.ts'

export interface StartStackOptions extends Pick<LivePlatformOptions, 'prometheus' | 'alertmanager' | 'environment'> {
  readonly drill: Drill
  /** Of this run alone; whoever made it removes it. */
  readonly folder: string
  readonly onProgress: (what: string) => void
}

export interface StartedStack {
  readonly stack: Stack
  readonly otlpUrl: string | undefined
  /** What is different from the whole stack, for people. */
  readonly notes: readonly string[]
}

const host = '127.0.0.1'
const readyMs = 120_000
const jaegerPorts = ['query', 'query-grpc', 'otlp-grpc', 'otlp-http', 'thrift', 'metrics', 'health'] as const

export class VerifiedStack {
  readonly #options: StartStackOptions
  readonly #servers: Supervisor
  #platform: LivePlatform | undefined

  constructor(options: StartStackOptions) {
    this.#options = options
    this.#servers = new Supervisor({
      settingsFile: '',
      environment: options.environment,
      preferred: false,
      restartAfterMs: 10_000,
      release() {},
      hold() {},
      onLine() {},
      onDeath() {},
    })
  }

  /** @throws LivePartError when a part does not come up */
  async start(): Promise<StartedStack> {
    const { drill, environment, folder, onProgress, prometheus, alertmanager } = this.#options
    const ports = await freePorts(host, [
      ...Object.keys(documentedPorts),
      'loki-grpc',
      ...jaegerPorts.map((name) => `jaeger-${name}`),
    ])
    const url = (name: string) => `http://${host}:${ports[name]}`
    const bin = binariesOf(environment)
    if (bin.loki) this.#startLoki(bin.loki, ports)
    if (bin.jaeger) this.#startJaeger(bin.jaeger, ports)
    const own = Object.fromEntries(Object.keys(documentedPorts).map((name) => [name, ports[name]!]))
    if (bin.jaeger) own.jaeger = ports['jaeger-metrics']!
    const platform = new LivePlatform({
      drill,
      speed: 1,
      ports: own,
      folder,
      environment,
      telemetry: {
        lokiUrl: bin.loki && url('loki'),
        tracesUrl: bin.jaeger && url('jaeger-otlp-http'),
        tracesExporter: 'otlp',
      },
      keepsSpans: false,
      kafkaBrokers: undefined,
      prometheus,
      alertmanager,
      onLine() {},
      onDeath() {},
      onAudit() {},
    })
    this.#platform = platform
    if (bin.loki) await this.#ready('loki', `${url('loki')}/ready`, onProgress)
    if (bin.jaeger) await this.#ready('jaeger', `${url('jaeger-health')}/status`, onProgress)
    onProgress('starting the platform')
    await platform.start()
    return {
      stack: {
        backendApi: url('backend-api'),
        prometheus: url('prometheus'),
        alertmanager: alertmanager && url('alertmanager'),
        loki: bin.loki && url('loki'),
        jaeger: bin.jaeger && url('jaeger-query'),
        outage: this.#outage(platform),
      },
      otlpUrl: bin.jaeger && url('jaeger-otlp-http'),
      notes: platform.notes,
    }
  }

  async stop(): Promise<void> {
    await this.#platform?.stop()
    await this.#servers.stop(['loki', 'jaeger'], 10_000)
  }

  killAll(): void {
    this.#platform?.killAll()
    this.#servers.killAll()
  }

  #outage(platform: LivePlatform): Stack['outage'] {
    const id = 'verify'
    return {
      begin: () => {
        const params = { target: { dependency: 'redis' } }
        platform.board.inject({ fault: 'dependency.outage', params }, 'verify', id)
      },
      end: () => void platform.board.heal(id, 'verify'),
    }
  }

  #startLoki(binary: string, ports: Readonly<Record<string, number>>): void {
    const data = join(this.#options.folder, 'loki')
    this.#servers.startForeign('loki', binary, [
      `-config.file=${shipped('loki', 'loki-config.yml')}`,
      `-server.http-listen-address=${host}`,
      `-server.http-listen-port=${ports.loki}`,
      `-server.grpc-listen-address=${host}`,
      `-server.grpc-listen-port=${ports['loki-grpc']}`,
      `-common.path-prefix=${data}`,
      `-common.storage.filesystem.chunk-directory=${join(data, 'chunks')}`,
      `-common.storage.filesystem.rules-directory=${join(data, 'rules')}`,
    ])
  }

  /** The shipped file takes its ports from the environment. */
  #startJaeger(binary: string, ports: Readonly<Record<string, number>>): void {
    const variables = jaegerPorts.map((name) => {
      const variable = `JAEGER_${name.replace('-', '_').toUpperCase()}_PORT`
      return `${variable}=${ports[`jaeger-${name}`]}`
    })
    const settings = [`JAEGER_LISTEN_HOST=${host}`, ...variables]
    this.#servers.startForeign('jaeger', '/usr/bin/env', [
      ...settings,
      binary,
      '--config',
      shipped('jaeger', 'jaeger-config.yml'),
    ])
  }

  async #ready(name: string, url: string, onProgress: (what: string) => void): Promise<void> {
    onProgress(`waiting for ${name}`)
    const ready = await eventually(
      async () => {
        try {
          return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok || undefined
        } catch (error) {
          throw new Unanswered((error as Error).message)
        }
      },
      { withinMs: readyMs },
    )
    if (!ready) throw new LivePartError(`${name} does not answer on ${url} within ${readyMs / 1000} s`)
  }
}

function shipped(...path: readonly string[]): string {
  return join(packageRoot(), 'observability', ...path)
}

/** The servers that `npm run real-stack` builds. */
function binariesOf(environment: StartStackOptions['environment']): {
  readonly loki: string | undefined
  readonly jaeger: string | undefined
} {
  const folder = realStackFolder(environment)
  const find = (name: string): string | undefined => {
    if (folder === undefined) return undefined
    const path = join(folder, 'bin', name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      return undefined
    }
  }
  return { loki: find('loki'), jaeger: find('jaeger') }
}
