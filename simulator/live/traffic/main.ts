/** Plays the load of the scenario against the live services: the users, and the load balancer that asks for health. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createLiveClock } from '../../../services/runtime/live/live-clock.ts'
import { createLiveHttpClient } from '../../../services/runtime/live/live-http-client.ts'
import { subscribe } from '../../../services/runtime/live/process-state.ts'
import { addressOf, readSettings } from '../../../services/runtime/live/settings.ts'
import type { ServiceRequest, ServiceResponse } from '../../../services/runtime/ports.ts'
import { createRng } from '../../../services/runtime/rng.ts'
import { createTenants } from '../../workload/tenants.ts'
import { Workload } from '../../workload/workload.ts'
import type { PlatformSettings } from '../platform-settings.ts'
import { LiveKernel } from './live-kernel.ts'
import type { TrafficState } from './traffic-state.ts'

/** Users wait longer than any service does, milliseconds of the platform. */
const patienceMs = 30_000
/**
 * More requests under way than this say that the machine is too slow for the speed. Sending still more would only make
 * every answer late, so they are withheld, and told.
 */
const outstandingMax = 150

const settings = readSettings<PlatformSettings>(process.argv[2], process.env)
const { world, load, startMs, epochMs, speed } = settings
const clock = createLiveClock(epochMs, speed)
const onBug = (error: Error) => {
  process.stderr.write(`traffic has a bug: ${error.stack}\n`)
  process.exit(70)
}
// The load begins with this process.
const kernel = new LiveKernel(clock, clock.nowMs(), onBug)
const http = createLiveHttpClient({
  clock,
  links: { pass: () => undefined },
  addressOf: (service) => addressOf(settings, service),
})
let outstanding = 0
let withheld = 0

async function send(
  to: string,
  { route, params, headers, body, bodyBytes }: ServiceRequest,
): Promise<ServiceResponse | undefined> {
  if (outstanding >= outstandingMax) {
    withheld += 1
    return undefined
  }
  outstanding += 1
  try {
    return await http.request({ to, route, params, headers, body, bodyBytes, timeoutMs: patienceMs })
  } catch {
    // Who gets no answer leaves.
    return undefined
  } finally {
    outstanding -= 1
  }
}

const workload = new Workload({
  kernel,
  rng: createRng(settings.seed),
  world,
  tenants: createTenants(world),
  stages: load,
  startMs,
  send: (request, done) => void send('backend-api', request).then(done),
})
let undo: (() => void)[] = []
if (settings.control) {
  await subscribe<TrafficState>({
    address: settings.control.address,
    token: readFileSync(settings.control.tokenFile, 'utf8').trim(),
    process: 'traffic',
    life: Number(process.env.FIREDRILL_LIFE ?? 0),
    onState({ factors }) {
      for (const takeBack of undo) takeBack()
      undo = factors.map(({ tenant, factor }) => workload.multiply(tenant, factor))
    },
    // Nobody is left who would stop this process: no orphans.
    onEnd: () => process.exit(0),
  })
}
workload.start()
for (const service of Object.keys(settings.services)) kernel.spawn(checkHealth(service))
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (withheld > 0) process.stdout.write(`withheld ${withheld}\n`, () => process.exit(0))
    else process.exit(0)
  })
}
async function checkHealth(service: string): Promise<void> {
  const headers = { 'user-agent': 'load-balancer' }
  for (;;) {
    await kernel.sleep(world.healthChecks.every)
    void send(service, { route: 'GET /health', params: {}, headers, body: undefined, bodyBytes: 0 })
  }
}
