/** The options of `up` and `live` that name real servers: read once, the same for both. */
import { Command, type CommanderError } from 'commander'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  addRealServerOptions,
  partsReplaced,
  type RealServerOptions,
  realServers,
  withoutEmpty,
} from '../../simulator/cli/real-servers.ts'

afterEach(() => vi.unstubAllEnvs())

function parse(...args: string[]): RealServerOptions {
  const command = addRealServerOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr() {} })
  return withoutEmpty(command.parse(args, { from: 'user' }).opts<RealServerOptions>())
}

describe('real servers', () => {
  test('that are named take the place of what stands in for them', () => {
    const options = parse('--loki', 'http://l:3100', '--traces', 'http://t:4318', '--kafka', 'a:9092,b:9092')
    expect(realServers(options)).toEqual({
      telemetry: { lokiUrl: 'http://l:3100', tracesUrl: 'http://t:4318', tracesExporter: 'otlp' },
      kafkaBrokers: ['a:9092', 'b:9092'],
    })
    expect(partsReplaced(options)).toEqual(['loki', 'jaeger', 'kafka'])
  })

  test('that are not named are not there, also when a container file leaves them empty', () => {
    for (const options of [parse(), parse('--loki=', '--traces=', '--kafka=')]) {
      expect(realServers(options)).toEqual({
        telemetry: { lokiUrl: undefined, tracesUrl: undefined, tracesExporter: 'otlp' },
        kafkaBrokers: undefined,
      })
      expect(partsReplaced(options)).toEqual([])
    }
  })

  test('may be a Kafka of the environment, which the services read as well', () => {
    vi.stubEnv('FIREDRILL_KAFKA_BROKERS', 'kafka:9092')
    expect(realServers(parse()).kafkaBrokers).toEqual(['kafka:9092'])
    expect(realServers(parse('--kafka', 'other:1')).kafkaBrokers).toEqual(['other:1'])
  })

  test.each([
    [['--loki', 'localhost:3100'], 'Write for example http://localhost:3100.'],
    [['--traces', 'ftp://x'], 'Write for example http://localhost:3100.'],
    [['--kafka', 'http://kafka:9092'], 'Write for example localhost:9092, or several with commas.'],
    [['--kafka', 'kafka:9092,kafka2'], 'Write for example localhost:9092, or several with commas.'],
    [['--traces-exporter', 'zipkin'], 'Allowed choices are otlp, jaeger.'],
  ])('%j is refused', (args, hint) => {
    expect(() => parse(...args)).toThrow(
      expect.objectContaining<Partial<CommanderError>>({ message: expect.stringContaining(hint) }),
    )
  })
})
