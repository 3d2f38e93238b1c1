/** The real Loki, receiver of spans and Kafka that a live platform uses in the place of what stands in for them. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { LivePlatformOptions } from '../live/live-platform.ts'
import { serverUrl } from './options.ts'

/** Undefined: a part of the platform answers in the place of the server. */
export interface RealServerOptions {
  readonly loki?: string
  readonly traces?: string
  readonly tracesExporter: 'otlp' | 'jaeger'
  readonly kafka?: string
}

export function addRealServerOptions(command: Command): Command {
  return command
    .option('--loki <url>', 'send log lines to this Loki, for example http://localhost:3100', orEmpty(serverUrl))
    .option('--traces <url>', 'send spans there: OTLP/HTTP, for example http://localhost:4318', orEmpty(serverUrl))
    .addOption(new Option('--traces-exporter <kind>', 'how spans are sent').choices(['otlp', 'jaeger']).default('otlp'))
    .addOption(
      // The services read the same variable.
      new Option('--kafka <brokers>', 'use this Kafka, for example localhost:9092; separate several by commas')
        .env('FIREDRILL_KAFKA_BROKERS')
        .argParser(orEmpty(brokers)),
    )
}

/** What a platform is told of them. */
export function realServers({
  loki,
  traces,
  tracesExporter,
  kafka,
}: RealServerOptions): Pick<LivePlatformOptions, 'telemetry' | 'kafkaBrokers'> {
  return { telemetry: { lokiUrl: loki, tracesUrl: traces, tracesExporter }, kafkaBrokers: kafka?.split(',') }
}

/** The parts that need no port of their own then: a real Loki on 3100 is no clash when it is the one that is named. */
export function partsReplaced({ loki, traces, kafka }: RealServerOptions): string[] {
  return [
    ...(loki === undefined ? [] : ['loki']),
    ...(traces === undefined ? [] : ['jaeger']),
    ...(kafka === undefined ? [] : ['kafka']),
  ]
}

/** A container file can only leave a variable empty: that says the same as to leave the option out. */
export function withoutEmpty<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== '')) as Options
}

function orEmpty(parse: (text: string) => string): (text: string) => string {
  return (text) => (text === '' ? text : parse(text))
}

function brokers(text: string): string {
  if (!text.split(',').every((broker) => /^[^\s:/]+:\d{1,5}$/.test(broker))) {
    throw new InvalidArgumentError('Write for example localhost:9092, or several with commas.')
  }
  return text
}
