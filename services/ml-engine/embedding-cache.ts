/** Embeddings of users, kept in the memory of the process; the least recently used go first. */
import type { Ports } from '../runtime/ports.ts'
import type { MlEngineMetrics } from './metrics.ts'

export type EmbeddingCache = ReturnType<typeof createEmbeddingCache>

export function createEmbeddingCache(
  ports: Ports,
  metrics: MlEngineMetrics,
  options: { readonly entriesMax: number; readonly bytesPerEntry: number },
) {
  /** In order of use: a Set keeps the order in which keys were added. */
  const entries = new Set<string>()

  function put(key: string): void {
    entries.delete(key)
    entries.add(key)
    if (entries.size <= options.entriesMax) return
    const oldest = entries.values().next().value as string
    entries.delete(oldest)
  }

  return {
    /** Counts a look-up. @returns whether the embedding is there */
    lookUp(key: string): boolean {
      const hit = entries.has(key)
      if (hit) {
        put(key)
        metrics.cacheHits.inc()
      } else {
        metrics.cacheMisses.inc()
      }
      return hit
    },
    put,
    get size(): number {
      return entries.size
    },
    expose(): void {
      const bytes = entries.size * options.bytesPerEntry
      ports.memory.hold('embedding-cache', bytes)
      metrics.cacheSize.set(bytes)
    },
  }
}
