/** What a person reads after a run: short when all is well, and what happened where it is not. */
import { describe, expect, test } from 'vitest'
import type { AlertResult, DrillResult, PanelResult } from '../../simulator/drill/drill-result.ts'
import { coverageOfRules } from '../../simulator/report/coverage.ts'
import { type TerminalReport, terminalReport } from '../../simulator/report/terminal.ts'

const plain = (text: string) => text
const paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain }

function alert(alertname: string, expected: AlertResult['expected'], more: Partial<AlertResult> = {}): AlertResult {
  return {
    alertname,
    expected,
    labels: {},
    window: null,
    resolvedWindow: null,
    ok: true,
    detail: '',
    firingAt: null,
    pendingAt: null,
    resolvedAt: null,
    text: null,
    instances: [],
    ...more,
  }
}

function drill(scenario: string, alerts: readonly AlertResult[], more: Partial<DrillResult> = {}): DrillResult {
  const nothing = { generated: 0, delivered: 0, dropped: {}, queued: 0 }
  return {
    scenario,
    title: '',
    seed: 42,
    verdict: 'held',
    exitCode: 0,
    judge: { kind: 'embedded', version: '3.0.0' },
    virtualSeconds: 900,
    wallSeconds: 1.2,
    streamHash: 'abc',
    events: [],
    alerts,
    effects: [],
    steady: undefined,
    panels: [],
    logs: [],
    traces: [],
    findings: [],
    accounting: { metrics: nothing, logs: nothing, traces: nothing },
    notes: [],
    ...more,
  } as DrillResult
}

function report(results: readonly DrillResult[], alerts: readonly string[] = ['A', 'B']): string[] {
  const whole = {
    results,
    coverage: coverageOfRules(alerts, results),
    wallSeconds: 3,
    paint,
    repeat: ({ scenario }: DrillResult) => `firedrill run ${scenario} --seed 42`,
  }
  return terminalReport({ panels: [], ...whole } as unknown as TerminalReport)
}

describe('the line of a drill that held, among several, says what it has shown', () => {
  const other = drill('other', [])
  test.each([
    { alerts: [alert('A', 'fires'), alert('B', 'silent')], said: 'A as expected' },
    { alerts: [alert('A', 'pending-only')], said: 'A pending, never firing, as expected' },
    {
      alerts: [alert('A', 'fires'), alert('B', 'pending-only')],
      said: 'A as expected; B pending, never firing, as expected',
    },
    { alerts: [alert('A', 'silent')], said: 'silent as expected' },
    { alerts: [alert('A', 'fires'), alert('B', 'may', { firingAt: [1, 2] })], said: 'A as expected; tolerated: B' },
    { alerts: [alert('A', 'may')], said: 'silent as expected' },
  ])('$said', ({ alerts, said }) => {
    expect(report([drill('one', alerts), other])[0]).toBe(`✓ one        15m in 1.2s  ${said}`)
  })
})

test('a drill that failed is shown whole, with the command that repeats it', () => {
  const failing = drill(
    'one',
    [alert('A', 'fires', { ok: false, detail: 'never fires: the condition was never true' })],
    {
      verdict: 'expectation failed',
      exitCode: 1,
    },
  )
  const lines = report([failing, drill('other', [])])
  expect(lines[0]).toBe('✗ one        15m in 1.2s  expectation failed')
  expect(lines).toContain('  ✗ A                           never fires: the condition was never true')
  expect(lines).toContain('  repeat: firedrill run one --seed 42')
  expect(lines.at(-1)).toBe('0 of 2 rules proven (1 not drilled here), 1 drill held, 1 failed, 3.0 s')
})

test('drills in which no alert is to fire prove no rule, and say so in one line', () => {
  const lines = report([drill('one', [alert('A', 'silent')]), drill('other', [alert('B', 'pending-only')])])
  expect(lines.slice(2)).toEqual(['', 'no rule is to fire here, 2 drills held, 0 failed, 3.0 s'])
})

describe('panels that fail', () => {
  const panel = (detail: string): PanelResult =>
    ({
      dashboard: 'health',
      panel: 'Lag',
      refId: 'A',
      state: 'error',
      expected: null,
      ok: false,
      moves: null,
      detail,
    }) as unknown as PanelResult
  const failing = (scenario: string, alerts: readonly AlertResult[], ...details: string[]) =>
    drill(scenario, alerts, { verdict: 'panel can never show data', exitCode: 5, panels: details.map(panel) })

  test('alike in several drills are one line, and such drills need no block of their own', () => {
    const lines = report([failing('one', [], 'no such metric'), failing('two', [], 'no such metric')])
    expect(lines.filter((line) => line.includes('no such metric'))).toEqual([
      '  ✗ panel health / Lag          query A: no such metric (in 2 drills)',
    ])
    expect(lines.join('\n')).not.toContain('repeat:')
  })

  test('differently are told with their drills, as is whatever else failed there', () => {
    const late = alert('A', 'fires', { ok: false, detail: 'fires too late' })
    const text = report([
      failing('one', [], 'no such metric'),
      failing('two', [late], 'no such metric'),
      failing('three', [], 'the query fails'),
    ]).join('\n')
    expect(text.split('no such metric (in 2 drills)')).toHaveLength(2)
    expect(text).toContain('fires too late')
    expect(text).toContain('repeat: firedrill run two')
    expect(text).toContain('query A: the query fails\n')
    expect(text).not.toContain('repeat: firedrill run one')
  })

  test('in one drill stand in its block', () => {
    const text = report([failing('one', [], 'no such metric'), drill('two', [])]).join('\n')
    expect(text).toContain('query A: no such metric\n')
    expect(text).toContain('repeat: firedrill run one')
  })
})
