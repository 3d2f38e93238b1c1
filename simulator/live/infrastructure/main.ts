/**
 * The infrastructure of the live world as one process: database, cache and broker behind their ports, host and
 * containers, and every exporter on the port that the documents name. They are the models of the virtual world.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { subscribe } from '../../../services/runtime/live/process-state.ts'
import { readSettings } from '../../../services/runtime/live/settings.ts'
import type { PlatformSettings } from '../platform-settings.ts'
import { Infrastructure } from './infrastructure.ts'
import type { InfrastructureState } from './infrastructure-state.ts'

const settings = readSettings<PlatformSettings>(process.argv[2], process.env)
const infrastructure = new Infrastructure(settings, (error) => {
  process.stderr.write(`infrastructure has a bug: ${error.stack}\n`)
  process.exit(70)
})
await infrastructure.start()
if (settings.control) {
  await subscribe<InfrastructureState>({
    address: settings.control.address,
    token: readFileSync(settings.control.tokenFile, 'utf8').trim(),
    process: 'infrastructure',
    life: Number(process.env.FIREDRILL_LIFE ?? 0),
    onState: (state) => infrastructure.apply(state),
    // Nobody is left who would stop this process: no orphans.
    onEnd: () => process.exit(0),
  })
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
