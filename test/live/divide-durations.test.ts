/** Rules at a speed: what is divided, and what then can't be confirmed. */
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseDurationMs } from '../../services/runtime/duration.ts'
import type { RuleGroup } from '../../simulator/alerts/load-rules.ts'
import { unconfirmable, whyUnconfirmable } from '../../simulator/live/speed/confirmable.ts'
import { divideDurations } from '../../simulator/live/speed/divide-durations.ts'
import { dividedRules, prometheusTimeFlags } from '../../simulator/live/speed/prometheus-files.ts'

const milliseconds = (text: string) => parseDurationMs(text)!

describe('durations of an expression are divided through the syntax tree', () => {
  test.each([
    ['a range', 'rate(x[5m]) > 0.1', 'rate(x[5000ms]) > 0.1'],
    ['an offset', 'x offset 15s', 'x offset 250ms'],
    ['a negative offset', 'x offset -1m', 'x offset -1000ms'],
    ['a subquery with its step', 'max_over_time((x)[1h:15s])', 'max_over_time((x)[60000ms:250ms])'],
    ['a subquery without a step', 'max_over_time((x)[1h:])', 'max_over_time((x)[60000ms:])'],
    ['a bare number of seconds', 'rate(x[300])', 'rate(x[5000ms])'],
    ['a compound duration', 'x offset 1h30m', 'x offset 90000ms'],
    ['what would be shorter than a millisecond', 'rate(x[1ms])', 'rate(x[1ms])'],
    ['two in one', 'rate(x[5m]) / rate(y[10m] offset 5m)', 'rate(x[5000ms]) / rate(y[10000ms] offset 5000ms)'],
    ['no threshold', 'x > 300', 'x > 300'],
    ['no text that only looks like a duration', 'x{window="5m"} > 5', 'x{window="5m"} > 5'],
    ['no horizon', 'predict_linear(x[1h], 14400) < 0', 'predict_linear(x[60000ms], 14400) < 0'],
  ])('%s', (_, written, wanted) => {
    expect(divideDurations(written, 60, milliseconds)).toBe(wanted)
  })
})

test('intervals, waits and expressions of a rule file are divided; texts, labels and thresholds stay', () => {
  const file = `
groups:
  - name: g
    interval: 30s
    query_offset: 1m
    limit: 10
    rules:
      - alert: A
        expr: rate(x[5m]) > 5
        for: 1m
        keep_firing_for: 2m
        labels: { severity: critical, window: 5m }
        annotations: { summary: 'for over 5m' }
      - record: r
        expr: sum(x offset 1m)
`
  expect(parse(dividedRules(file, 60, milliseconds))).toEqual({
    groups: [
      {
        name: 'g',
        interval: '500ms',
        query_offset: '1000ms',
        limit: 10,
        rules: [
          {
            alert: 'A',
            expr: 'rate(x[5000ms]) > 5',
            for: '1000ms',
            keep_firing_for: '2000ms',
            labels: { severity: 'critical', window: '5m' },
            annotations: { summary: 'for over 5m' },
          },
          { record: 'r', expr: 'sum(x offset 1000ms)' },
        ],
      },
    ],
  })
})

test('lookback and resend delay of the server are divided, at speed 1 it keeps its own', () => {
  expect(prometheusTimeFlags(60)).toContain('--query.lookback-delta=5000ms')
  expect(prometheusTimeFlags(60)).toContain('--rules.alert.resend-delay=1000ms')
  expect(prometheusTimeFlags(1)).toEqual([])
})

describe('what division can not make true is named', () => {
  test.each([
    ['a rate against a number', 'sum(rate(errors_total[5m])) > 0.1', /rate per second/],
    ['an irate against a number', 'irate(errors_total[5m]) > 3', /rate per second/],
    ['a rate times seconds', 'rate(x[5m]) * 60 > 30', /rate per second/],
    ['a rate in the divisor', '1 / rate(x[5m]) > 3', /rate per second/],
    ['the clock', 'time() - last_success > 3600', /clock \(time\)/],
    ['the hour', 'x and on() hour() > 8', /clock \(hour\)/],
    ['a fixed time', 'x @ 1609746000 > 1', /@/],
    ['a horizon in seconds', 'predict_linear(free[1h], 14400) < 0', /predict_linear/],
    ['a measured duration', 'histogram_quantile(0.95, sum by (le) (rate(d_seconds_bucket[5m]))) > 1', /machine/],
    ['a mean duration', 'rate(d_seconds_sum[5m]) / rate(d_seconds_count[5m]) > 1', /machine/],
  ])('%s', (_, expression, reason) => {
    expect(reasonOf(expression)).toMatch(reason)
  })

  test.each([
    ['a gauge', 'up == 0'],
    ['a ratio of two rates', 'rate(a[5m]) / rate(b[5m]) > 0.05'],
    [
      'one minus a ratio',
      '1 - sum(rate(m[5m])) / (sum(rate(m[5m])) + (sum(rate(h[5m])) or 0 * sum(rate(m[5m])))) < 0.7',
    ],
    ['an increase', 'increase(failures_total[1h]) > 0'],
    ['a rate against zero', 'rate(failures_total[5m]) > 0'],
    ['a quantile of sizes', 'histogram_quantile(0.9, rate(size_bytes_bucket[5m])) > 1000'],
    ['two rates with each other', 'rate(in_total[5m]) > rate(out_total[5m])'],
    ['a count of series', 'count(rate(x[5m])) > 3'],
    ['a difference over time', 'delta(x[5m]) > 10'],
  ])('not %s', (_, expression) => {
    expect(reasonOf(expression)).toBeUndefined()
  })

  test('through a recording rule', () => {
    const groups = rules([
      { kind: 'recording', name: 'job:errors:rate', expression: 'sum(rate(errors_total[5m]))' },
      { kind: 'alerting', name: 'A', expression: 'job:errors:rate > 0.1' },
      { kind: 'alerting', name: 'B', expression: 'job:errors:rate / rate(all_total[5m]) > 0.1' },
    ])
    expect([...unconfirmable(groups).alerts.keys()]).toEqual(['A'])
  })

  test('in a panel that shows what was recorded', () => {
    const expression = 'rate(answer_seconds_sum[5m]) / rate(answer_seconds_count[5m])'
    const doubts = unconfirmable(rules([{ kind: 'recording', name: 'job:answer:mean', expression }]))
    expect(whyUnconfirmable('job:answer:mean', ['job:answer:mean'], doubts)).toMatch(/^measures how long/)
    expect(whyUnconfirmable('up', ['up'], doubts)).toBeUndefined()
  })
})

function reasonOf(expression: string): string | undefined {
  return unconfirmable(rules([{ kind: 'alerting', name: 'A', expression }])).alerts.get('A')
}

/** Only what the analysis reads of a rule. */
function rules(list: readonly { kind: string; name: string; expression: string }[]): RuleGroup[] {
  const own = list.map((rule) => ({ ...rule, facts: { selectors: [{ metric: list[0]!.name }] } }))
  return [{ rules: own }] as unknown as RuleGroup[]
}
