/** What postgres_exporter shows of the database server. While the server can't be reached, only `pg_up 0` is left. */
import { counter, type ExposedMetric, gauge } from './exposition.ts'
import type { PostgresServer } from './postgres-server.ts'

export const databaseName = 'recommender'

export function postgresMetrics(server: PostgresServer, reachable: boolean): ExposedMetric[] {
  const up = gauge(
    'pg_up',
    'Whether the last scrape of metrics from PostgreSQL was able to connect to the server (1 for yes, 0 for no).',
    reachable ? 1 : 0,
  )
  if (!reachable) return [up]
  const labels = { datid: '16384', datname: databaseName }
  return [
    up,
    gauge('pg_stat_database_numbackends', 'Number of backends currently connected to this database.', {
      labels,
      // The exporter's own connection is one of them.
      value: server.connections + 1,
    }),
    counter('pg_stat_database_tup_fetched', 'Number of rows fetched by queries in this database', {
      labels,
      value: server.tuples.select,
    }),
    counter('pg_stat_database_tup_inserted', 'Number of rows inserted by queries in this database', {
      labels,
      value: server.tuples.insert,
    }),
    counter('pg_stat_database_tup_updated', 'Number of rows updated by queries in this database', {
      labels,
      value: server.tuples.update,
    }),
    counter('pg_stat_database_tup_deleted', 'Number of rows deleted by queries in this database', {
      labels,
      value: server.tuples.delete,
    }),
    counter('pg_stat_database_xact_commit', 'Number of transactions in this database that have been committed', {
      labels,
      value: server.commits,
    }),
    counter('pg_stat_database_xact_rollback', 'Number of transactions in this database that have been rolled back', {
      labels,
      value: server.rollbacks,
    }),
    gauge('pg_database_size_bytes', 'Disk space used by the database', {
      labels: { datname: databaseName },
      value: server.databaseBytes,
    }),
    gauge(
      'pg_settings_max_connections',
      'Sets the maximum number of concurrent connections.',
      server.options.connectionsMax,
    ),
  ]
}
