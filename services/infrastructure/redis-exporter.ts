/** What redis_exporter shows of the cache server. While the server can't be reached, only `redis_up 0` is left. */
import { counter, type ExposedMetric, gauge } from './exposition.ts'
import type { RedisServer } from './redis-server.ts'

export function redisMetrics(server: RedisServer, reachable: boolean): ExposedMetric[] {
  const up = gauge('redis_up', 'Information about the Redis instance', reachable ? 1 : 0)
  if (!reachable) return [up]
  return [
    up,
    gauge('redis_connected_clients', 'connected_clients metric', server.connectedClients + 1),
    gauge('redis_memory_used_bytes', 'memory_used_bytes metric', server.usedBytes),
    // The name that the platform's catalogue documents; the real exporter calls it redis_memory_used_bytes.
    gauge(
      'redis_used_memory_bytes',
      'Memory used by Redis, under the name that the platform documents',
      server.usedBytes,
    ),
    gauge('redis_memory_max_bytes', 'memory_max_bytes metric', server.options.memoryMaxBytes),
    counter('redis_keyspace_hits_total', 'keyspace_hits_total metric', server.keyspaceHits),
    counter('redis_keyspace_misses_total', 'keyspace_misses_total metric', server.keyspaceMisses),
    counter('redis_commands_processed_total', 'commands_processed_total metric', server.commands),
    gauge('redis_db_keys', 'Total number of keys by DB', { labels: { db: 'db0' }, value: server.keys }),
  ]
}
