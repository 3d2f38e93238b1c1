/**
 * What every process of the live platform is told at its start: one JSON file for all of them, so that they agree on
 * the speed of time, on addresses and on the world. Environment variables replace single addresses (containers).
 */
import { readFileSync } from 'node:fs'
import type { BackendApiConfig } from '../../backend-api/config.ts'
import type { DataPipelineConfig } from '../../data-pipeline/config.ts'
import type { ContainerOptions } from '../../infrastructure/container.ts'
import type { MlEngineConfig } from '../../ml-engine/config.ts'
import { type Environment, EnvironmentError } from './telemetry-environment.ts'

export interface LiveSettings {
  readonly format: 1
  readonly seed: number
  /** How many times faster than the machine's clock the platform's runs; 1 is real time. */
  readonly speed: number
  /** Unix time at which both clocks showed the same, milliseconds. */
  readonly epochMs: number
  /** `host:port` of every part by its name: services, `postgres`, `redis`, `kafka`, `host`, exporters. */
  readonly addresses: Readonly<Record<string, string>>
  /** Where services and exporters listen, for example `0.0.0.0` in a container; the host of their address when left out. */
  readonly listenHost?: string | undefined
  /** Where faults come from. Without it a process runs undisturbed. */
  readonly control: { readonly address: string; readonly tokenFile: string } | undefined
  readonly services: {
    readonly 'backend-api': BackendApiConfig
    readonly 'ml-engine': MlEngineConfig
    readonly 'data-pipeline': DataPipelineConfig
  }
  readonly containers: readonly ContainerOptions[]
  /** Bytes that one request in progress holds, by service. */
  readonly memoryPerRequest: Readonly<Record<string, number>>
  readonly databasePool: { readonly size: number; readonly waitMs: number }
  readonly telemetry: TelemetrySettings
  /** Brokers of a real Kafka; the model's bus behind `kafka` when left out. */
  readonly kafkaBrokers: readonly string[] | undefined
}

export interface TelemetrySettings {
  /** Label `env` of log lines. */
  readonly environment: string
  /** `http://host:3100`; log lines go to stdout in any case. */
  readonly lokiUrl: string | undefined
  /** OTLP/HTTP: `http://host:4318`. For exporter-jaeger: the collector's `http://host:14268/api/traces`. */
  readonly tracesUrl: string | undefined
  readonly tracesExporter: 'otlp' | 'jaeger'
  /** Folder where finished spans are written, one JSON object a line, for whoever judges them; undefined when nobody does. */
  readonly spansFolder: string | undefined
}

export type ServiceName = keyof LiveSettings['services']

/** @param file named on the command line, else FIREDRILL_SETTINGS */
export function readSettings<Settings extends LiveSettings = LiveSettings>(
  file: string | undefined,
  environment: Environment,
): Settings {
  const path = file ?? environment.FIREDRILL_SETTINGS
  if (path === undefined) {
    throw new EnvironmentError([
      'FIREDRILL_SETTINGS is missing: the file of settings, also as argument (firedrill up --print-settings)',
    ])
  }
  const settings = JSON.parse(readFileSync(path, 'utf8')) as Settings
  if (settings.format !== 1) throw new Error(`${path}: these are no settings of this version`)
  // As for OpenTelemetry's own variables: an empty value is none.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const problems = environmentProblems(settings, given)
  if (problems.length > 0) throw new EnvironmentError(problems)
  return withEnvironment(settings, given)
}

/** What is set but can't be meant: a service that starts with it would be found silent much later. */
function environmentProblems(settings: LiveSettings, environment: Environment): string[] {
  const isAddress = (text: string) => /^[^\s:/]+:\d{1,5}$/.test(text) && Number(text.split(':')[1]) < 65_536
  const known = new Set(Object.keys(settings.addresses).map(addressVariable))
  return Object.entries(environment).flatMap(([name, value = '']) => {
    if (name.startsWith('FIREDRILL_ADDRESS_')) {
      if (!known.has(name)) return [`${name} names no part of the platform: there are ${[...known].sort().join(', ')}`]
      return isAddress(value) ? [] : [`${name} must be host:port, not "${value}"`]
    }
    switch (name) {
      case 'FIREDRILL_KAFKA_BROKERS':
        return value.split(',').every(isAddress)
          ? []
          : [`${name} must be host:port, or several with commas, not "${value}"`]
      case 'FIREDRILL_CONTROL':
        return isAddress(value) ? [] : [`${name} must be host:port, not "${value}"`]
      case 'FIREDRILL_LOKI_URL':
      case 'OTEL_EXPORTER_OTLP_ENDPOINT':
        return /^https?:\/\/[^\s/]+/.test(value)
          ? []
          : [`${name} must be a URL such as http://localhost:4318, not "${value}"`]
      case 'OTEL_TRACES_EXPORTER':
        return ['otlp', 'jaeger'].includes(value) ? [] : [`${name} must be otlp or jaeger, not "${value}"`]
      default:
        return []
    }
  })
}

function addressVariable(name: string): string {
  return `FIREDRILL_ADDRESS_${name.toUpperCase().replaceAll('-', '_')}`
}

/** `FIREDRILL_ADDRESS_ML_ENGINE=ml-engine:8001` and so on; endpoints by the names that OpenTelemetry gives them. */
export function withEnvironment<Settings extends LiveSettings>(settings: Settings, environment: Environment): Settings {
  const addresses = Object.fromEntries(
    Object.entries(settings.addresses).map(([name, address]) => [name, environment[addressVariable(name)] ?? address]),
  )
  const { telemetry, control } = settings
  const controlAddress = environment.FIREDRILL_CONTROL ?? control?.address
  return {
    ...settings,
    addresses,
    kafkaBrokers: environment.FIREDRILL_KAFKA_BROKERS?.split(',') ?? settings.kafkaBrokers,
    control: controlAddress && {
      address: controlAddress,
      tokenFile: environment.FIREDRILL_CONTROL_TOKEN_FILE ?? control?.tokenFile ?? '',
    },
    telemetry: {
      ...telemetry,
      environment: environment.ENVIRONMENT ?? telemetry.environment,
      lokiUrl: environment.FIREDRILL_LOKI_URL ?? telemetry.lokiUrl,
      tracesUrl: environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? telemetry.tracesUrl,
      tracesExporter: environment.OTEL_TRACES_EXPORTER === 'jaeger' ? 'jaeger' : telemetry.tracesExporter,
    },
  }
}

/** Where the part of this name listens, which is wider than where others find it when `listenHost` says so. */
export function listenAddressOf(settings: LiveSettings, name: string): { host: string; port: number } {
  const { host, port } = addressOf(settings, name)
  return { host: settings.listenHost ?? host, port }
}

/**
 * Where a model of a server listens that only other parts talk to: not wider than they need. On an address of this machine
 * alone it stays there.
 */
export function modelListenAddressOf(settings: LiveSettings, name: string): { host: string; port: number } {
  const address = addressOf(settings, name)
  return isLoopback(address.host) ? address : listenAddressOf(settings, name)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

export function addressOf(settings: LiveSettings, name: string): { host: string; port: number } {
  const address = settings.addresses[name]
  if (address === undefined) throw new Error(`the settings have no address of "${name}"`)
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}
