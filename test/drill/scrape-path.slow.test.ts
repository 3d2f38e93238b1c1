/** The whole path from a cause to a page: what the scrape config or a rule breaks on the way is found, and named. */
import { expect, test } from 'vitest'
import { runShipped, shippedDrill, shippedSetup } from './run-scenario.ts'

function dropsMetric(name: string) {
  return (text: string) =>
    text.replace(
      '  - job_name: backend-api\n',
      `  - job_name: backend-api\n    metric_relabel_configs:\n      - { source_labels: [__name__], regex: ${name}, action: drop }\n`,
    )
}

test('an alert can not fire when the scrape config drops its series, and the report says where', async () => {
  const setup = await shippedSetup({ config: dropsMetric('http_requests_total') })
  const result = await runShipped(shippedDrill('high-error-rate'), setup)
  const alert = result.alerts.find(({ alertname }) => alertname === 'HighErrorRate')!
  expect(alert.firingAt).toBeNull()
  expect(alert.detail).toContain('can never fire: http_requests_total is exposed by job backend-api, but dropped by')
  expect(alert.detail).toMatch(/prometheus\.yml:\d+/)
  expect(result.verdict).toBe('rule can never fire')
  expect(result.exitCode).toBe(5)
  expect(result.findings.map(({ code }) => code)).toContain('rule-unreachable')
})

test('silence of a rule whose series are dropped is no proof', async () => {
  const setup = await shippedSetup({ config: dropsMetric('api_requests_rate_limited_total') })
  const result = await runShipped(shippedDrill('high-rate-limit-exceeded/just-below'), setup)
  const alert = result.alerts.find(({ alertname }) => alertname === 'HighRateLimitExceeded')!
  expect(alert).toMatchObject({ expected: 'silent', ok: false, firingAt: null })
  expect(result.exitCode).toBe(5)
})

test.each([
  {
    rule: 'HighLatencyP95',
    scenario: 'high-latency-p95/too-short',
    from: /(alert: HighLatencyP95[\s\S]*?)\n\s+for: 10m/,
    to: '$1',
  },
  { rule: 'HighErrorRate', scenario: 'high-error-rate', from: '> 0.05\n', to: '> 0.5\n' },
  {
    rule: 'ServiceDown',
    scenario: 'service-down/too-short',
    from: /(alert: ServiceDown[\s\S]*?)\n\s+for: 1m/,
    to: '$1',
  },
])('a rule that was changed is found: $rule in $scenario', async ({ rule, scenario, from, to }) => {
  const setup = await shippedSetup({ rules: (text) => text.replace(from, to) })
  const result = await runShipped(shippedDrill(scenario), setup)
  const alert = result.alerts.find(({ alertname }) => alertname === rule)!
  expect(alert.ok).toBe(false)
  expect(alert.detail).not.toBe('')
  expect(result.exitCode).toBe(1)
})
