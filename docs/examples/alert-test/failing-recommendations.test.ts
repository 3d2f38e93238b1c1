/** An alert tested as a unit: break the platform, and look at when the rule fires, what it says, and when it stays silent. */
import { formatReport, runDrill, type ScenarioObject } from 'firedrill'
import { expect, test } from 'vitest'

const rules = new URL('./failing-recommendations.yml', import.meta.url)

/** A deploy that makes this share of the recommendations fail, from minute 6 to minute 12. */
function badDeploy(ratio: number): ScenarioObject {
  return {
    format: 1,
    scenario: 'bad-deploy',
    title: 'Recommendations fail after a deploy',
    clock: { length: '16m' },
    world: 'recommender-small',
    load: [{ perSecond: 8 }],
    steady: { from: '4m' },
    events: [
      {
        id: 'deploy',
        fault: 'code.errors',
        target: { service: 'backend-api', routes: ['GET /recommendations'] },
        ratio,
        at: '6m',
        hold: '6m',
      },
    ],
    expect: { otherwise: 'may' },
  }
}

function drill(ratio: number) {
  return runDrill({ scenario: badDeploy(ratio), rules, dashboards: false })
}

test('half of the recommendations failing raises one alert, two to four minutes later', async () => {
  const result = await drill(0.5)
  expect(result.verdict, formatReport(result)).toBe('held')

  const alert = result.alerts.find(({ alertname }) => alertname === 'RecommendationsFail')!
  const [earliest, latest] = alert.firingAt! // seconds since the start, over all offsets that the rule group may have
  expect(earliest).toBeGreaterThanOrEqual((6 + 2) * 60)
  expect(latest).toBeLessThanOrEqual((6 + 4) * 60)
  expect(alert.resolvedAt![1]).toBeLessThanOrEqual((12 + 3) * 60)

  expect(alert.instances).toHaveLength(1)
  expect(alert.instances[0]!.annotations.summary).toMatch(/^backend-api: \d+(\.\d+)?% of the recommendations fail$/)
})

test('one in twenty failing is no alert', async () => {
  const result = await drill(0.05)
  const alert = result.alerts.find(({ alertname }) => alertname === 'RecommendationsFail')!
  expect(alert.firingAt, formatReport(result)).toBeNull()
})
