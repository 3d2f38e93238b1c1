/** Answers the scraper: reads what a process of the virtual world exposes, as a GET of its metrics path would. */
import { readRegistry } from '../scrape/registry-reading.ts'
import type { TargetReader, TargetReading } from '../scrape/scraper.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** Time to write one sample as text, and the fixed part of an exposition, milliseconds of processor. */
const cpuPerSampleMs = 0.002
const cpuPerScrapeMs = 1.5

export function createTargetReader(world: VirtualWorld): TargetReader {
  const { kernel } = world

  async function read({ address, path }: { address: string; path: string }, timeoutMs: number): Promise<TargetReading> {
    const startMs = kernel.nowMs
    const elapsed = () => kernel.nowMs - startMs
    const failed = (error: string): TargetReading => ({ ok: false, error, durationMs: elapsed() })
    const host = address.slice(0, address.lastIndexOf(':'))
    const process = world.processAt(address)
    if (!process) {
      await kernel.sleep(1)
      return failed(`dial tcp: lookup ${host}: no such host`)
    }
    const roundTripMs = world.network.roundTripMs('prometheus', process.name)
    if (roundTripMs === undefined) {
      await kernel.sleep(timeoutMs)
      return failed('context deadline exceeded')
    }
    const { life, program } = process
    if (!life || !program) {
      await kernel.sleep(roundTripMs)
      return failed(`dial tcp ${address}: connect: connection refused`)
    }
    if (life.frozen) {
      await kernel.sleep(timeoutMs)
      return failed('context deadline exceeded')
    }
    if (path !== '/metrics') {
      await kernel.sleep(roundTripMs)
      return failed('server returned HTTP status 404 Not Found')
    }
    program.beforeScrape?.()
    const families = await readRegistry(life.registry)
    const samples = families.reduce((sum, family) => sum + family.values.length, 0)
    const { container } = process.options
    const workMs = cpuPerScrapeMs + samples * cpuPerSampleMs
    const answerMs = roundTripMs + (container ? container.reserveCpu(workMs) : workMs)
    await kernel.sleep(Math.min(answerMs, timeoutMs))
    if (answerMs > timeoutMs) return failed('context deadline exceeded')
    if (!life.alive) return failed('read: connection reset by peer')
    return { ok: true, families, durationMs: elapsed() }
  }

  return { read }
}
