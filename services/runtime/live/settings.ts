/**
 * What every process of the live platform is told at its start: one JSON file for all of them, so that they agree on
 * the speed of time, on addresses and on the world. Environment variables replace single addresses (containers).
 */
import { readFileSync } from 'node:fs'
import type { BackendApiConfig } from '../../backend-api/config.ts'
import type { DataPipelineConfig } from '../../data-pipeline/config.ts'
import type { ContainerOptions } from '../../infrastructure/container.ts'
import type { MlEngineConfig } from '../../ml-engine/config.ts'

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
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const path = file ?? environment.FIREDRILL_SETTINGS
  if (path === undefined) {
    throw new Error('no settings: name the file as argument or in FIREDRILL_SETTINGS (firedrill up --print-settings)')
  }
  const settings = JSON.parse(readFileSync(path, 'utf8')) as Settings
  if (settings.format !== 1) throw new Error(`${path}: these are no settings of this version`)
  return withEnvironment(settings, environment)
}

/** `FIREDRILL_ADDRESS_ML_ENGINE=ml-engine:8001` and so on; endpoints by the names that OpenTelemetry gives them. */
export function withEnvironment<Settings extends LiveSettings>(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const addresses = Object.fromEntries(
    Object.entries(settings.addresses).map(([name, address]) => [
      name,
      environment[`FIREDRILL_ADDRESS_${name.toUpperCase().replaceAll('-', '_')}`] ?? address,
    ]),
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

export function addressOf(settings: LiveSettings, name: string): { host: string; port: number } {
  const address = settings.addresses[name]
  if (address === undefined) throw new Error(`the settings have no address of "${name}"`)
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}
