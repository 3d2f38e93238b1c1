/** Pages of drills and runs: what they say, that no text becomes markup, that they stay small. UPDATE_GOLDEN=1 rewrites. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { PanelEvidence } from '../../simulator/drill/drill-evidence.ts'
import { drillPage, drillPagePath } from '../../simulator/report/html/drill-page.ts'
import { html, prose } from '../../simulator/report/html/markup.ts'
import { thin } from '../../simulator/report/html/plot.ts'
import { runPage } from '../../simulator/report/html/run-page.ts'
import { coverage, drill, evidence, hostile, result } from './small-drill.ts'

const repeat = 'firedrill run queue-jam/too-short --seed 7'
const page = drillPage({ drill, result, evidence, repeat, version: '0.0.0' })
const failed = {
  ...result,
  scenario: 'queue-jam',
  exitCode: 1,
  verdict: 'expectation failed' as const,
  alerts: [
    { ...result.alerts[0]!, ok: false, detail: 'never fires', why: ['It did not fire: `queue_depth` peaked at 9.'] },
  ],
}
const run = runPage({
  results: [result, failed],
  coverage,
  panels: [],
  noticed: { findings: [], ignored: [] },
  exitCode: 1,
  version: '0.0.0',
  hasPage: () => true,
  repeat: () => repeat,
})

test.each([
  ['drill', page],
  ['run', run],
])('the page of a %s is the golden one', (name, text) => {
  const golden = new URL(`./golden/${name}-page.html`, import.meta.url)
  const readable = readableBody(text)
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden, readable)
  expect(readable).toBe(readFileSync(golden, 'utf8'))
})

describe('the page of a live run', () => {
  const labels = { alertname: 'QueueJam', topic: hostile }
  const sent = { startsAt: 255, labels, annotations: { summary: hostile } }
  const live = {
    speed: 60,
    jitterMs: 50,
    notConfirmed: { Doubtful: 'reads the clock (time)' },
    notifications: [
      { ...sent, status: 'firing' as const, endsAt: null },
      { ...sent, status: 'firing' as const, endsAt: null },
      { ...sent, status: 'resolved' as const, endsAt: 375 },
      { ...sent, status: 'firing' as const, endsAt: null, labels: { alertname: 'Doubtful' } },
    ],
    virtual: result,
  }
  const livePage = (given: Partial<typeof live>) =>
    drillPage({
      drill,
      result,
      evidence,
      repeat: 'firedrill live queue-jam',
      version: '0.0.0',
      live: { ...live, ...given },
    })
  const sectionOf = (text: string) => /<section class="part" id="live">.*?<\/section>/s.exec(text)![0]

  test('says what Alertmanager sent, each page once, and what the speed can not confirm', () => {
    const section = sectionOf(livePage({}))
    const rows = [...section.matchAll(/<tr><td class="n">(.*?)<\/td><td>(.*?)<\/td><td><b>(.*?)<\/b>/g)]
    expect(rows.map((row) => row.slice(1))).toEqual([
      ['04:15', 'FIRING', 'QueueJam'],
      ['06:15', 'RESOLVED', 'QueueJam'],
      ['04:15', 'FIRING', 'Doubtful'],
    ])
    expect(section).toContain('<small>not confirmed at 60</small>')
    expect(section).toContain('Doubtful: reads the clock (time)')
    expect(section).toContain('windows are 3s wider')
  })

  test('shows both worlds, and says it when the other one was left out', () => {
    expect(sectionOf(livePage({}))).toContain('<td>QueueJam</td><td>04:10 to 04:20</td><td>04:10</td>')
    expect(sectionOf(livePage({ virtual: undefined as never }))).toContain('Not judged: the virtual world was left out')
  })

  test('claims no account of samples, and no repetition to the byte', () => {
    const text = livePage({})
    expect(text).toContain('10m live, 60 times faster than real time')
    expect(text).not.toContain('<tr><td>metrics</td>')
    expect(text).not.toContain('The same seed gives the same samples')
  })

  test('lets no text become markup', () => expect(livePage({})).not.toContain('<img'))
})

test('the same drill gives the same bytes', () => {
  expect(drillPage({ drill, result, evidence, repeat, version: '0.0.0' })).toBe(page)
})

test('how long a drill took by the clock on the wall leaves no trace', () => {
  const slower = { ...result, wallSeconds: 99 }
  expect(drillPage({ drill, result: slower, evidence, repeat, version: '0.0.0' })).toBe(page)
})

test('no text of a rule, label, log line or span becomes markup', () => {
  expect(page).not.toContain('<img')
  expect(page).not.toContain(hostile)
  // The page's own script is the only one.
  expect(page.match(/<script/g)).toHaveLength(1)
  expect(page.split('&lt;script&gt;').length).toBeGreaterThan(8)
})

test('the page of a drill and that of the run say who is told', () => {
  expect(page).toMatch(/goes to<\/span> <b>queue-team and .*Silenced while <b>KafkaDown<\/b> fires/)
  expect(run).toMatch(/<b>QueueJam<\/b> pages <span class="dim">queue-team and /)
})

test('no page refers to anything outside of the report', () => {
  for (const text of [page, run]) {
    const addresses = [...text.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1]!)
    for (const address of addresses) expect(address).toMatch(/^(#|data:|\.\.\/index\.html$|drills\/)/)
    expect(text).not.toMatch(/@import|url\(/)
  }
})

test('a page with very many panels stays below 1.5 MB', () => {
  const timesS = Array.from({ length: 1000 }, (_, i) => i * 0.6)
  const panel = (i: number): PanelEvidence => ({
    ...evidence.panels[0]!,
    panel: `Panel ${i}`,
    series: Array.from({ length: 12 }, (_, n) => ({
      name: `series ${n}`,
      timesS,
      values: timesS.map((atS) => Math.sin(atS * n) * 12_345.678),
    })),
  })
  const panels = Array.from({ length: 150 }, (_, i) => panel(i))
  const large = drillPage({ drill, result, evidence: { ...evidence, panels }, repeat, version: '0.0.0' })
  expect(Buffer.byteLength(large)).toBeLessThan(1_500_000)
  expect(large).toContain('Panel 149')
})

test('a failed drill comes first, with the reason and a link', () => {
  expect(run).toContain('1 of 2 drills failed: queue-jam.')
  expect(run.indexOf('What failed')).toBeLessThan(run.indexOf('id="drills"'))
  expect(run).toContain('<a href="drills/queue-jam.html">queue-jam</a>')
  expect(run).toContain('It did not fire: <code>queue_depth</code> peaked at 9.')
})

test('a drill without a page of its own gets no link', () => {
  const text = runPage({
    results: [{ ...failed, streamHash: '', notes: ['the judge is gone'] }],
    coverage: [],
    panels: [],
    noticed: { findings: [], ignored: [] },
    exitCode: 6,
    version: '0.0.0',
    hasPage: () => false,
    repeat: () => repeat,
  })
  expect(text).not.toContain('href="drills/')
  expect(text).toContain('the judge is gone')
})

test('twins have files beside the scenario', () => {
  expect(drillPagePath('queue-jam/too-short')).toBe('drills/queue-jam.too-short.html')
})

test('thinning keeps the highest and the lowest point', () => {
  const values = Array.from({ length: 500 }, (_, i) => (i === 123 ? 99 : i === 321 ? -99 : 0))
  const thinned = thin({ name: '', timesS: values.map((_, i) => i), values }, 50)
  expect(thinned.values.length).toBeLessThanOrEqual(50)
  expect(thinned.values).toContain(99)
  expect(thinned.values).toContain(-99)
  expect(thinned.timesS[thinned.values.indexOf(99)]).toBe(123)
})

test('templates escape what is put into text and attributes', () => {
  expect(html`<p title="${'"'}">${'<b>'}${1}${false}${[html`<i>`, '&']}</p>`.text).toBe(
    '<p title="&quot;">&lt;b&gt;1<i>&amp;</p>',
  )
  expect(html`${prose('a `<b>` c ` d')}`.text).toBe('a <code>&lt;b&gt;</code> c ` d')
})

/** Without style and script, a line for each element. */
function readableBody(text: string): string {
  return text
    .replace(/<style>[\s\S]*?<\/style>/, '<style></style>')
    .replace(/<script>[\s\S]*?<\/script>/, '<script></script>')
    .replace(/script-src '[^']*'/, "script-src 'hash'")
    .replace(/script-src &#39;[^&]*&#39;/, 'script-src hash')
    .replaceAll('><', '>\n<')
}
