/** SLO: does the API keep what it promises, and how fast does it spend what it may fail? Reads what slo-rules.yml records. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { buildPage } from './dashboard-page.ts'
import { burnWindows, states } from './palette.ts'
import { gauges, lines, stat, step } from './panels.ts'
import { instantQuery, logsLink, rangeQuery, tracesLink } from './queries.ts'
import { burnFactors, objectives } from './slo-objectives.ts'

const api = 'job="backend-api"'
const links = [
  logsLink('Failed requests', '{service="backend-api"} | json | event="request_failed"'),
  tracesLink('Failed traces', { service: 'backend-api', tags: 'error=true' }),
  tracesLink('Slow traces', { service: 'backend-api', minDuration: '1s' }),
]

export function slo(): Dashboard {
  const { availability, latency } = objectives
  return buildPage({
    uid: 'slo',
    title: 'SLO',
    description:
      'Does the API keep what it promises over two weeks, and how fast does it spend what it may fail? A burn rate of 1 spends the budget in exactly the two weeks.',
    refresh: '1m',
    from: '6h',
    rows: [
      {
        title: `Availability: ${availability.text}`,
        panels: [
          [current('Availability', 'availability', 'requests that were not answered with 5xx'), 6, 7],
          [budget('Availability budget left', 'availability'), 6, 7],
          [burn('Availability burn rate', 'availability'), 12, 7],
        ],
      },
      {
        title: `Latency: ${latency.text}`,
        panels: [
          [current('Fast answers', 'latency', 'requests that were answered within a second'), 6, 7],
          [budget('Latency budget left', 'latency'), 6, 7],
          [burn('Latency burn rate', 'latency'), 12, 7],
        ],
      },
      {
        title: 'Alerts',
        panels: [
          [budgetsOverTime(), 12, 8],
          [burnNow(), 12, 8],
        ],
      },
    ],
  })
}

type Objective = keyof typeof objectives

function current(title: string, name: Objective, what: string) {
  const { budget } = objectives[name]
  return stat({
    title,
    what: `Share of ${what}, over the last hour.`,
    why: `The objective is ${(1 - budget) * 100} % over two weeks; an hour may be worse if others are better.`,
    action: 'Below the objective: look at the burn rate beside, which says how much it matters.',
    unit: 'percentunit',
    decimals: 2,
    max: 1,
    thresholds: [
      step(null, states.alert),
      step(1 - burnFactors.fast * budget, states.bad),
      step(1 - budget, states.good),
    ],
    targets: [instantQuery(`1 - job:slo_${name}_errors:ratio_rate1h{${api}}`, '{{job}}')],
    links,
  }).noValue('no requests')
}

function budget(title: string, name: Objective) {
  return gauges({
    title,
    what: 'What is left of the failures that the objective allows in two weeks. 100 % is all of it, 0 none, below the objective is missed.',
    why: 'It decides between new features and stability: with nothing left, changes wait.',
    action: 'Below a quarter: no risky deploys. At 0: stop and mend, then docs/runbooks/slo-' + name + '-burn.md.',
    unit: 'percentunit',
    decimals: 1,
    min: 0,
    max: 1,
    thresholds: [step(null, states.alert), step(0.25, states.warning), step(0.5, states.good)],
    targets: [instantQuery(`job:slo_${name}_budget:remaining14d{${api}}`, '{{job}}')],
  }).noValue('no requests')
}

function burn(title: string, name: Objective) {
  const { budget, alerts } = objectives[name]
  const { fast, medium, slow } = burnFactors
  return lines({
    title,
    what: `How many times faster than allowed the budget is spent, over windows of 5 minutes to 3 days. Alerts: ${alerts}.`,
    why: `At ${fast} the two weeks' budget is gone in ${hours(fast)} hours, at ${medium} in ${hours(medium)}, at ${slow} in two weeks.`,
    action: `Above the line of ${fast}: an incident, act now. Above ${medium}: act today. Above ${slow} for days: plan a mend.`,
    unit: 'none',
    decimals: 2,
    min: 0,
    thresholds: [
      step(null, states.good),
      step(slow, states.warning),
      step(medium, states.bad),
      step(fast, states.alert),
    ],
    targets: ['5m', '30m', '1h', '6h', '3d'].map((window) =>
      rangeQuery(`job:slo_${name}_errors:ratio_rate${window}{${api}} / ${budget}`, window),
    ),
    colors: burnWindows,
    links,
  })
}

function budgetsOverTime() {
  return lines({
    title: 'Budgets over time',
    what: 'What was left of both budgets at each time.',
    why: 'A step down is an incident, a slope is a defect that nobody has noticed.',
    action: 'Open the time of a step on API Performance (the link above keeps it).',
    unit: 'percentunit',
    max: 1,
    thresholds: [step(null, states.alert), step(0.25, states.warning), step(0.5, states.good)],
    targets: [
      rangeQuery(`job:slo_availability_budget:remaining14d{${api}}`, 'availability'),
      rangeQuery(`job:slo_latency_budget:remaining14d{${api}}`, 'latency'),
    ],
  })
}

function burnNow() {
  return stat({
    title: 'Burn alerts firing',
    what: 'How many of the six burn rate alerts fire now.',
    why: 'Each combines a long window, which says that it matters, with a short one, which says that it still goes on.',
    action: 'Follow docs/runbooks/slo-availability-burn.md or docs/runbooks/slo-latency-burn.md.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.alert)],
    targets: [instantQuery('count(ALERTS{alertname=~"Slo.+", alertstate="firing"}) or vector(0)', 'firing')],
  })
}

/** Until two weeks of budget are spent. */
function hours(factor: number): number {
  return Math.round((14 * 24) / factor)
}
