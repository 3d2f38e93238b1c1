/** The result of a run as JUnit XML: a suite for each drill, a case for each expectation. */
import type { DrillResult } from '../drill/drill-result.ts'

interface Case {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** Without wall times: the same seed gives the same bytes. */
export function junitReport(results: readonly DrillResult[]): string {
  const suites = results.map(suite)
  const total = suites.reduce((sum, { cases }) => sum + cases.length, 0)
  const failures = suites.reduce((sum, { cases }) => sum + cases.filter(({ ok }) => !ok).length, 0)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="firedrill" tests="${total}" failures="${failures}">`,
    ...suites.flatMap(({ result, cases }) => [
      `  <testsuite name="${escapeXml(result.scenario)}" tests="${cases.length}" failures="${cases.filter(({ ok }) => !ok).length}" errors="0">`,
      `    <properties><property name="seed" value="${result.seed}"/><property name="stream" value="${result.streamHash}"/><property name="judge" value="Prometheus ${result.judge.version} (${result.judge.kind})"/></properties>`,
      ...cases.flatMap(({ name, ok, detail }) => {
        const head = `    <testcase classname="${escapeXml(result.scenario)}" name="${escapeXml(name)}"`
        return ok
          ? [`${head}/>`]
          : [
              `${head}>`,
              `      <failure message="${escapeXml(detail)}">${escapeXml(`${name}: ${detail}`)}</failure>`,
              '    </testcase>',
            ]
      }),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n')
}

function suite(result: DrillResult): { result: DrillResult; cases: Case[] } {
  const { steady, effects, alerts, panels, logs, traces, verdict, findings, notes } = result
  const cases: Case[] = [
    ...(steady ? [{ name: 'steady state', ...steady }] : []),
    ...effects.map(({ event, fault, ok, detail }) => ({ name: `${event} (${fault}) has an effect`, ok, detail })),
    ...alerts.map(({ alertname, expected, ok, detail }) => ({ name: `${alertname} ${expected}`, ok, detail })),
    // A query that is not judged is no case: it neither passed nor failed.
    ...panels
      .filter(({ state, ok }) => state !== 'not judged' || !ok)
      .map(({ dashboard, panel, refId, expected, ok, detail }) => ({
        name: `panel ${dashboard} / ${panel} (${refId})${expected === null ? '' : ` ${expected}`}`,
        ok,
        detail,
      })),
    ...[...logs, ...traces].map(({ what, ok, detail }) => ({ name: what, ok, detail })),
  ]
  if (cases.every(({ ok }) => ok) && result.exitCode !== 0)
    cases.push({ name: verdict, ok: false, detail: [...findings.map(({ message }) => message), ...notes].join('; ') })
  return { result, cases }
}

function escapeXml(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '?')
      .replaceAll('\n', '&#10;')
  )
}
