/** What somebody sees when a connection between two parts of the platform is slow or lossy. */
import type { VisibleEffect } from './define-fault.ts'

type Link = { readonly from: string; readonly to: string }

export function visibleOnLink({ from, to }: Link, kind: 'slower' | 'failing'): readonly VisibleEffect[] {
  const effects: VisibleEffect[] = []
  if (to === 'ml-engine') {
    effects.push(
      kind === 'slower'
        ? {
            what: 'time to recommend',
            process: from,
            metric: 'recommendation_duration_seconds',
            as: 'mean',
            direction: 'up',
          }
        : {
            what: 'recommendations from the fallback',
            process: from,
            metric: 'recommendations_served_total',
            where: { algorithm: 'popular' },
            as: 'rate',
            direction: 'up',
          },
      {
        what: 'time to recommend',
        process: from,
        metric: 'recommendation_duration_seconds',
        as: 'mean',
        direction: 'up',
      },
    )
  }
  if (to === 'postgres') {
    effects.push(
      {
        what: 'time to process a poll of messages',
        process: from,
        metric: 'kafka_processing_duration_seconds',
        as: 'mean',
        direction: 'up',
      },
      {
        what: 'ML engine errors a second',
        process: from,
        metric: 'ml_engine_errors_total',
        as: 'rate',
        direction: 'up',
      },
      {
        what: 'time of a database query',
        process: from,
        metric: 'db_query_duration_seconds',
        as: 'mean',
        direction: 'up',
      },
      { what: 'pg_up', process: from, metric: 'pg_up', as: 'value', direction: 'down' },
      {
        what: '5xx answers a second',
        process: from,
        metric: 'http_requests_total',
        where: { status: /^5/ },
        as: 'rate',
        direction: 'up',
      },
    )
  }
  if (to === 'redis') {
    effects.push(
      {
        what: 'time of a cache operation',
        process: from,
        metric: 'cache_operations_duration_seconds',
        as: 'mean',
        direction: 'up',
      },
      { what: 'cache misses a second', process: from, metric: 'cache_misses_total', as: 'rate', direction: 'up' },
      { what: 'redis_up', process: from, metric: 'redis_up', as: 'value', direction: 'down' },
    )
  }
  if (to === 'kafka') {
    effects.push(
      {
        what: 'messages consumed a second',
        process: 'data-pipeline',
        metric: 'kafka_messages_consumed_total',
        as: 'rate',
        direction: 'down',
      },
      { what: 'lag', process: 'data-pipeline', metric: 'kafka_consumer_lag', as: 'value', direction: 'up' },
      {
        what: 'time of an interactions call',
        process: from,
        metric: 'http_request_duration_seconds',
        as: 'mean',
        direction: 'up',
      },
    )
  }
  return effects
}
