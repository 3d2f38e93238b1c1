/** Remembers which dependencies can't be reached: says once that one is gone, and once that it is back. */
import { DependencyError, type Ports } from './ports.ts'

export function createDependencyHealth(ports: Ports) {
  const log = ports.logger.child('dependencies')
  const failedSinceMs = new Map<string, number>()
  return {
    reached(dependency: string): void {
      if (failedSinceMs.size === 0) return
      const sinceMs = failedSinceMs.get(dependency)
      if (sinceMs === undefined) return
      failedSinceMs.delete(dependency)
      const downFor = Math.round(ports.clock.nowMs() - sinceMs) / 1000
      log.info('dependency_recovered', `${dependency} answers again after ${downFor} s`, { dependency, downFor })
    },
    /** Takes any error; only those of dependencies matter. `dependency` is who was asked. */
    failed(error: unknown, dependency: string): void {
      if (!(error instanceof DependencyError) || failedSinceMs.has(dependency)) return
      failedSinceMs.set(dependency, ports.clock.nowMs())
      log.error(
        'dependency_unavailable',
        `${dependency} can't be reached: ${error.message}`,
        { dependency, reason: error.kind },
        undefined,
        error,
      )
    },
  }
}
