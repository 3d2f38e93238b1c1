/** Steps and intervals as Grafana's data source of Prometheus computes them. */
import { describe, expect, it } from 'vitest'
import {
  alignRange,
  formatGoDuration,
  formatInterval,
  type IntervalOptions,
  panelPixels,
  parseInterval,
  queryIntervals,
  roundInterval,
} from '../../simulator/dashboards/panel-query.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

it.each([
  [24, 1888],
  [12, 940],
  [8, 624],
  [6, 466],
  [4, 308],
])('a panel of %i columns has %i pixels on a page of 1920', (columns, pixels) => {
  expect(panelPixels(columns)).toBe(pixels)
})

it.each([
  [1, 1],
  [12, 10],
  [34, 20],
  [999, 1000],
  [1_499, 1_000],
  [1_500, 2_000],
  [4_787, 5_000],
  [7_500, 10_000],
  [12_500, 15_000],
  [17_500, 20_000],
  [25_000, 30_000],
  [45_000, 60_000],
  [89_999, 60_000],
  [90_000, 120_000],
  [91_915, 120_000],
  [209_999, 120_000],
  [210_000, 300_000],
  [750_000, 900_000],
  [1_050_000, 1_200_000],
  [1_500_000, 1_800_000],
  [2_700_000, 3_600_000],
  [5_400_000, 7_200_000],
  [16_200_000, 21_600_000],
  [32_400_000, 43_200_000],
  [86_400_000, 86_400_000],
  [604_800_000, 604_800_000],
])('%i ms between two points becomes %i ms', (plain, rounded) => {
  expect(roundInterval(plain)).toBe(rounded)
})

describe('the step and $__rate_interval', () => {
  const options: IntervalOptions = {
    rangeMs: 75 * minute,
    maxDataPoints: 940,
    scrapeIntervalMs: 15 * second,
    panelMinIntervalMs: undefined,
    minStep: undefined,
    intervalFactor: 1,
  }
  it.each<[string, Partial<IntervalOptions>, number, number]>([
    ['a short range: not below the scrape interval', {}, 15 * second, minute],
    ['a day on half a page', { rangeMs: 24 * hour }, 2 * minute, 2 * minute + 15 * second],
    ['a day on the whole page', { rangeMs: 24 * hour, maxDataPoints: 1888 }, minute, 75 * second],
    ['a week', { rangeMs: 168 * hour }, 10 * minute, 10 * minute + 15 * second],
    ['few points asked for', { maxDataPoints: 200 }, 20 * second, minute],
    ['a min interval of the panel', { panelMinIntervalMs: minute }, minute, 75 * second],
    ['a min step of the query', { minStep: 30 * second }, 30 * second, 2 * minute],
    ['a min step below the scrape interval', { minStep: 5 * second }, 5 * second, 20 * second],
    ['$__rate_interval as min step', { minStep: '$__rate_interval' }, minute, minute],
    ['a data source that is scraped every minute', { scrapeIntervalMs: minute }, minute, 4 * minute],
    ['a resolution of 1/2', { intervalFactor: 2 }, 30 * second, minute],
    ['a month: never more points than Prometheus gives', { rangeMs: 720 * hour, minStep: second }, hour, hour + second],
  ])('%s', (_, more, stepMs, rateIntervalMs) => {
    expect(queryIntervals({ ...options, ...more })).toEqual({ stepMs, rateIntervalMs })
  })
})

it.each([
  ['2026-01-05T09:00:07Z', '2026-01-05T10:00:08Z', 15, '2026-01-05T09:00:00Z', '2026-01-05T10:00:00Z'],
  ['2026-01-05T09:00:00Z', '2026-01-05T10:00:00Z', 15, '2026-01-05T09:00:00Z', '2026-01-05T10:00:00Z'],
  ['2026-01-05T09:01:59Z', '2026-01-05T10:59:59Z', 3600, '2026-01-05T09:00:00Z', '2026-01-05T10:00:00Z'],
])('%s to %s at a step of %i s is asked from %s to %s', (from, to, stepS, start, end) => {
  const aligned = alignRange(Date.parse(from), Date.parse(to), stepS * second)
  expect(aligned).toEqual({ startMs: Date.parse(start), endMs: Date.parse(end) })
})

it.each([
  [15 * second, '15s', '15s'],
  [minute, '1m', '1m0s'],
  [90 * second, '1m', '1m30s'],
  [2 * hour, '2h', '2h0m0s'],
  [500, '500ms', '500ms'],
])('%i ms is %s as $__interval and %s as $__rate_interval', (ms, interval, rateInterval) => {
  expect(formatInterval(ms)).toBe(interval)
  expect(formatGoDuration(ms)).toBe(rateInterval)
})

it.each([
  ['15s', 15 * second],
  ['>30s', 30 * second],
  ['10', 10 * second],
  ['1m30s', 90 * second],
  ['1d', 24 * hour],
  ['', undefined],
  ['soon', undefined],
])('an interval of "%s" is %s ms', (text, ms) => {
  expect(parseInterval(text)).toBe(ms)
})
