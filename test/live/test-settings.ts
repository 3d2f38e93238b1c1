/** Settings of a whole platform, as a director sends them to its agents. */
import { documentedPorts, platformSettings } from '../../simulator/live/platform-settings.ts'
import { shippedDrill } from '../drill/run-scenario.ts'

/** @param control `host:port` of the control port */
export function testSettings(control: string, ports: Readonly<Record<string, number>> = documentedPorts) {
  const { world, seed, startMs } = shippedDrill('steady-state')
  const settings = platformSettings({
    world,
    seed,
    load: [],
    startMs,
    speed: 100,
    epochMs: Date.now(),
    addresses: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, `127.0.0.1:${port}`])),
    control: undefined,
    telemetry: {
      environment: 'test',
      lokiUrl: undefined,
      tracesUrl: undefined,
      tracesExporter: 'otlp',
      spansFolder: undefined,
    },
    kafkaBrokers: undefined,
    standIns: ['loki', 'jaeger'],
  })
  return { ...settings, control: { address: control } }
}
