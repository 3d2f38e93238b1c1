/** A drill with its result and evidence, small enough to read, with hostile texts where files and services give texts. */
import type { AlertEvidence, DrillEvidence } from '../../simulator/drill/drill-evidence.ts'
import type { AlertResult, DrillResult } from '../../simulator/drill/drill-result.ts'
import type { RuleCoverage } from '../../simulator/report/coverage.ts'
import type { Drill } from '../../simulator/scenario/scenario.ts'

/** What somebody could write into a rule, a log line or a label to break out of the page. */
export const hostile = `"><script>window.hacked=1</script><img src=x onerror=window.hacked=1>'`

export const drill = {
  name: 'queue-jam/too-short',
  scenario: 'queue-jam',
  twin: 'too-short',
  title: 'The queue jams for a while',
  seed: 7,
  startMs: Date.UTC(2026, 0, 5),
  lengthMs: 600_000,
  events: [
    {
      id: 'jam',
      fault: 'consumer.stall',
      startMs: 120_000,
      endMs: 360_000,
      ends: true,
      severity: { from: 0, to: 1, overMs: 60_000 },
      params: { target: { service: 'data-pipeline', topic: 'interactions' } },
    },
  ],
  observe: [{ gap: 'scrape', job: 'kafka', startMs: 420_000, endMs: 450_000 }],
  expect: { alerts: {}, otherwise: 'silent', logs: [], traces: [], panels: [] },
} as unknown as Drill

const labels = { alertname: 'QueueJam', severity: 'critical', topic: hostile }

const fired: AlertResult = {
  alertname: 'QueueJam',
  expected: 'fires',
  labels: {},
  window: [240, 300],
  resolvedWindow: [360, 420],
  ok: true,
  detail: 'fires 04:10 to 04:20',
  firingAt: [250, 260],
  pendingAt: [190, 200],
  resolvedAt: [370, 380],
  text: 'complete',
  instances: [
    {
      labels,
      annotations: {
        summary: `The queue is jammed ${hostile}`,
        description: 'It holds 20 messages.',
        runbook: 'docs/jam.md',
      },
      episodes: [{ pendingAt: [190, 200], firingAt: [250, 260], resolvedAt: [370, 380] }],
      receivers: ['queue-team', hostile],
      inhibitedBy: ['KafkaDown'],
    },
  ],
}

const silent: AlertResult = {
  ...fired,
  alertname: 'QueueGone',
  expected: 'silent',
  window: null,
  resolvedWindow: null,
  detail: 'never pending',
  firingAt: null,
  pendingAt: null,
  resolvedAt: null,
  text: null,
  instances: [],
}

const account = { generated: 10, delivered: 8, dropped: { 'not selected by any rule or panel': 2 }, queued: 0 }

export const result: DrillResult = {
  scenario: drill.name,
  title: drill.title,
  seed: 7,
  verdict: 'held',
  exitCode: 0,
  judge: { kind: 'embedded', version: '3.16.0' },
  virtualSeconds: 600,
  wallSeconds: 1.5,
  streamHash: 'abc',
  events: [{ id: 'jam', fault: 'consumer.stall', startS: 120, endS: 360, description: 'the consumer stands still' }],
  alerts: [fired, silent],
  effects: [{ event: 'jam', fault: 'consumer.stall', ok: true, detail: 'lag: 0 before, 20 during' }],
  steady: { ok: true, detail: 'no alert fires from 00:00 to 02:00' },
  panels: [
    {
      dashboard: 'queues',
      panel: 'Depth',
      refId: 'A',
      state: 'data',
      expected: null,
      ok: true,
      series: 1,
      points: 5,
      moves: 'up',
      before: 0,
      during: 20,
      detail: '1 series',
    },
  ],
  logs: [],
  traces: [],
  findings: [
    {
      code: 'threshold-not-tested',
      severity: 'warning',
      where: 'rules.yml:3',
      message: `QueueJam: ${hostile}`,
      evidence: 'none',
    },
  ],
  accounting: { metrics: account, logs: account, traces: account },
  notes: ['job kafka is not simulated'],
}

const timesS = [0, 150, 300, 450, 600]
const series = [{ name: `{topic="${hostile}"}`, timesS, values: [0, 5, 20, 3, 0] }]

const explained: AlertEvidence = {
  alertname: 'QueueJam',
  place: 'rules.yml:3',
  group: 'queues',
  expression: `queue_depth{topic="${hostile}"} > 10`,
  intervalS: 10,
  forS: 60,
  keepFiringForS: 0,
  outcome: 'fired',
  question: 'Why did it fire?',
  answer: 'It fired 04:10 to 04:20: `queue_depth` was above 10.',
  steps: [
    { atS: [120, 120], title: 'The fault begins', text: 'The consumer stands still.' },
    { atS: [250, 260], title: 'Firing', text: 'The condition stayed true for 1m ("for").' },
  ],
  labels,
  delay: { event: 'jam', faultAtS: 120, signalS: 70, intervalS: [0, 10], forS: 60 },
  operands: [
    {
      id: '0',
      depth: 1,
      role: 'signal',
      text: `queue_depth{topic="${hostile}"}`,
      unit: 'none',
      operator: '>',
      threshold: 10,
      decided: true,
      trueAt: [],
      closest: { value: 20, atS: 300, threshold: 10 },
      before: 0,
      during: 12,
      after: 1,
      series,
      seriesCount: 1,
      note: '',
    },
  ],
}

export const evidence: DrillEvidence = {
  panels: [
    {
      dashboard: 'queues',
      dashboardTitle: 'Queues',
      panel: 'Depth',
      refId: 'A',
      type: 'timeseries',
      unit: 'short',
      description: 'Messages that wait',
      expression: `sum(queue_depth{topic="${hostile}"})`,
      thresholds: [],
      series,
    },
  ],
  alerts: [explained],
  effects: [{ event: 'jam', what: 'lag', direction: 'up', timesS, values: [0, 1, 20, 2, 0] }],
  logs: {
    kinds: [{ service: 'worker', event: hostile, level: 'WARN', before: 0, during: 2, after: 0 }],
    lines: [
      {
        atS: 130,
        service: 'worker',
        level: 'WARN',
        event: 'slow',
        message: hostile,
        fields: [['topic', hostile]],
        traceId: 'f00',
      },
    ],
  },
  traces: [
    {
      what: 'The slowest request during the fault',
      traceId: 'f00',
      atS: 200,
      durationMs: 40,
      spans: [
        { service: 'backend-api', name: hostile, durationMs: 40, depth: 0, startMs: 0, failed: false, note: '200' },
        { service: 'ml-engine', name: 'infer', durationMs: 30, depth: 1, startMs: 5, failed: true, note: hostile },
      ],
      more: 0,
    },
  ],
}

export const coverage: RuleCoverage[] = [
  {
    alertname: 'QueueJam',
    fires: true,
    nearMissSilent: true,
    recovers: true,
    textComplete: true,
    silentWithoutFault: false,
    proven: false,
    missing: ['no drill without the fault'],
    scenarios: ['queue-jam'],
  },
]
