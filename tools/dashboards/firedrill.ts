/** Firedrill: what a drill breaks, what the alerts make of it, and whether every signal arrived. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { buildPage } from './dashboard-page.ts'
import { states } from './palette.ts'
import { bars, lanes, stat, stateMapping, step, table } from './panels.ts'
import { instantQuery, orZero, rangeQuery, share, tableQuery } from './queries.ts'

const pendingOrFiring = stateMapping({
  0: { text: 'quiet', color: states.good },
  1: { text: 'pending', color: states.warning },
  2: { text: 'firing', color: states.alert },
})
const inForce = stateMapping({
  0: { text: 'not in force', color: states.good },
  1: { text: 'in force', color: states.busy },
})

export function firedrill(): Dashboard {
  return buildPage({
    uid: 'firedrill',
    title: 'Firedrill',
    description:
      'What a drill breaks, what the alerts make of it, and whether every signal arrived. Firedrill writes these series itself.',
    refresh: '15s',
    from: '1h',
    rows: [
      {
        title: 'Cause and effect',
        panels: [
          [faultLanes(), 24, 6],
          [alertLanes(), 24, 10],
        ],
      },
      {
        title: 'Now',
        panels: [
          [faultsNow(), 6, 7],
          [alertsNow(), 6, 7],
          [faultTable(), 12, 7],
        ],
      },
      {
        title: 'Accounting of signals',
        panels: [
          [rates(), 12, 8],
          [lossShare(), 4, 8],
          [losses(), 8, 8],
        ],
      },
    ],
  })
}

function faultLanes() {
  return lanes({
    title: 'Faults in force',
    what: 'A lane for each fault of the drill, coloured while it is in force.',
    why: 'The lanes below should follow this one, and nothing else.',
    action: 'An alert without a fault above it is a finding: either the rule is wrong or something else broke.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.busy)],
    mappings: inForce,
    targets: [
      rangeQuery(orNone('max by (event, fault, target) (firedrill_fault_active)', 'fault'), '{{fault}} {{target}}'),
    ],
  })
}

function alertLanes() {
  return lanes({
    title: 'Alert lanes',
    what: 'A lane for each alert: yellow while it is pending, red while it fires.',
    why: 'It shows how long after a fault each alert fires and how long after its end it goes.',
    action: 'Compare the distance with the wait of the rule in docs/alerts.md.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.warning), step(2, states.alert)],
    mappings: pendingOrFiring,
    targets: [
      rangeQuery(
        orNone(
          'max by (alertname, job, instance, tenant_id, name) (\n  ALERTS{alertstate="firing"} * 2 or ALERTS{alertstate="pending"}\n)',
          'alertname',
        ),
        '{{alertname}} {{job}} {{instance}} {{tenant_id}} {{name}}',
      ),
    ],
  })
}

function faultsNow() {
  return stat({
    title: 'Faults in force now',
    what: 'How many faults of the drill are in force.',
    why: 'A panel that looks wrong with none in force is not part of the drill.',
    action: 'None: the platform should be healthy again, and the alerts gone within minutes.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.busy)],
    targets: [instantQuery('sum(firedrill_fault_active) or vector(0)', 'in force')],
  })
}

function alertsNow() {
  return stat({
    title: 'Alerts now',
    what: 'How many alerts are pending, and how many fire.',
    why: 'Pending ones fire when their condition lasts.',
    action: 'Look in the lanes above which ones.',
    unit: 'none',
    thresholds: [step(null, states.good), step(1, states.alert)],
    targets: [
      instantQuery('count(ALERTS{alertstate="pending"}) or vector(0)', 'pending'),
      instantQuery('count(ALERTS{alertstate="firing"}) or vector(0)', 'firing'),
    ],
  })
}

function faultTable() {
  return table(
    {
      title: 'Events of the drill',
      what: 'Each event with its fault, its target, and whether it is in force (1) or not (0).',
      why: 'It is the scenario as it is being carried out.',
      action: 'Compare with `firedrill list` and the scenario file.',
      unit: 'none',
      mappings: inForce,
      thresholds: [step(null, states.good), step(1, states.busy)],
      targets: [tableQuery(orNone('max by (event, fault, target) (firedrill_fault_active)', 'fault'))],
    },
    { event: 'Event', fault: 'Fault', target: 'Target', Value: 'State' },
  )
}

function rates() {
  return bars({
    title: 'Signals generated, delivered, dropped',
    what: 'Samples, log records and spans per second, by what became of them.',
    why: 'Generated must be delivered plus dropped: nothing is lost in silence.',
    action: 'Dropped ones carry a reason in the table beside.',
    unit: 'cps',
    min: 0,
    targets: [
      rangeQuery('sum by (signal, state) (rate(firedrill_signals_total[$__rate_interval]))', '{{signal}} {{state}}'),
    ],
  })
}

function lossShare() {
  const generated = 'sum by (signal) (firedrill_signals_total{state="generated"})'
  const dropped = 'sum by (signal) (firedrill_signals_total{state="dropped"})'
  return stat({
    title: 'Share dropped',
    what: 'Share of the samples, log records and spans that did not arrive.',
    why: 'A verdict is as good as the signals it is based on.',
    action: 'Above 0: look for the reason in the table, and mend the sink before trusting the drill.',
    unit: 'percentunit',
    decimals: 2,
    min: 0,
    max: 1,
    thresholds: [step(null, states.good), step(0.000001, states.alert)],
    targets: [instantQuery(share(orZero(dropped, generated), generated), '{{signal}}')],
  })
}

function losses() {
  return table(
    {
      title: 'Accounting',
      what: 'How many samples, log records and spans were generated, delivered, and dropped for which reason.',
      why: 'The sum must close: generated = delivered + dropped.',
      action: 'A reason with a growing number names the sink that loses.',
      unit: 'short',
      decimals: 0,
      targets: [tableQuery('sum by (signal, state, reason) (firedrill_signals_total)')],
    },
    { signal: 'Signal', state: 'State', reason: 'Reason', Value: 'Count' },
  )
}

/** A lane named "none" while there is nothing: an empty panel could as well mean that the data source is gone. */
function orNone(expression: string, label: string): string {
  return `${expression}\n  or on () label_replace(vector(0), "${label}", "none", "", "")`
}
