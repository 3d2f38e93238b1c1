/** Units told by names, and numbers as people read them. */
import { expect, test } from 'vitest'
import { takeApart } from '../../simulator/explain/take-apart.ts'
import { formatValue, type Unit, unitOf } from '../../simulator/explain/units.ts'

test.each<[string, Unit]>([
  ['sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))', 'ratio'],
  ['1 - sum(rate(misses_total[5m])) / sum(rate(all_total[5m]))', 'ratio'],
  ['container_memory_usage_bytes', 'bytes'],
  ['container_memory_usage_bytes / container_spec_memory_limit_bytes', 'ratio'],
  ['rate(network_bytes_total[5m])', 'bytes per second'],
  ['rate(requests_total[5m])', 'per second'],
  ['rate(cpu_seconds_total[5m])', 'none'],
  ['histogram_quantile(0.95, sum by (le) (rate(request_duration_seconds_bucket[5m])))', 'seconds'],
  ['time() - last_update_timestamp', 'seconds'],
  ['increase(failures_total[1h])', 'none'],
  ['kafka_consumer_lag', 'none'],
  ['count(up == 0)', 'none'],
  ['14.4 * 0.001', 'none'],
])('%s is in %s', (expression, unit) => {
  expect(unitOf(takeApart(expression)!)).toBe(unit)
})

test.each<[number, Unit, string]>([
  [0.0412, 'ratio', '4.12 %'],
  [10_000, 'none', '10,000'],
  [1234.56, 'none', '1,234.6'],
  [0.00004, 'none', '4.0e-5'],
  [0.25, 'seconds', '250 ms'],
  [1.5, 'seconds', '1.5 s'],
  [3600, 'seconds', '1 h'],
  [86_400, 'seconds', '24 h'],
  [1536, 'bytes', '1.5 KiB'],
  [0.12, 'per second', '0.12/s'],
  [Number.NaN, 'ratio', 'NaN'],
  [Number.POSITIVE_INFINITY, 'bytes', '+Inf'],
])('%d in %s is written %s', (value, unit, text) => {
  expect(formatValue(value, unit)).toBe(text)
})
