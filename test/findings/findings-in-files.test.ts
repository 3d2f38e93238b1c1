/** Findings that need the files alone: for each a folder that has the defect and one that has it no more. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findingDefinitions } from '../../simulator/findings/index.ts'
import { findingsInFiles } from '../../simulator/findings/look-for-findings.ts'
import { testEngine } from '../drill/run-scenario.ts'
import { fixtures, loadFixture } from './finding-fixture.ts'

/** Code, and what its message and evidence must name. */
const cases: readonly (readonly [code: string, ...words: readonly string[]])[] = [
  [
    'alert-reaches-nobody',
    'ApiSlow',
    'receiver nobody',
    'route test/fixtures/findings/alert-reaches-nobody/bad/alertmanager.yml:2',
  ],
  ['delay-longer-than-stated', 'up to 10m', 'every 5m'],
  ['division-matches-itself', 'label status', 'the ratio is 1 or nothing'],
  ['external-label-substitution', '${ENVIRONMENT:-dev}', 'becomes ""'],
  ['inhibition-never-matches', 'severity is "critical" on ApiDown and "warning" on ApiSlow'],
  ['label-never-present', 'instance', 'the result has the labels job'],
  ['matcher-deprecated', 'match is deprecated', 'matchers'],
  ['metric-not-documented', 'http_requests_total', 'not one of the 1 metrics'],
  ['rate-window-too-short', '[15s]', 'every 10s'],
  ['receiver-unreachable', 'receiver pager', '0 of 2 alerts'],
  ['recording-name-clash', 'job:http_requests:rate5m', 'rules.yml:5'],
  ['route-shadowed', 'the route to pager is never taken', 'team="api"'],
  ['threshold-not-tested', 'more than 5 %', 'compares with 0.5'],
  ['variable-not-expanded', '${SLACK_URL}', 'api_url_file'],
]

describe.each(cases)('%s', (code, ...words) => {
  test('is found in the bad folder, with its place and evidence', async () => {
    const folder = join(fixtures, code, 'bad')
    const found = findingsInFiles(loadFixture(folder, await testEngine())).filter((finding) => finding.code === code)
    expect(found.length).toBeGreaterThan(0)
    const { where, message, evidence } = found[0]!
    expect(where).toMatch(/^test\/fixtures\/findings\/.*\/bad\/\w+\.(yml|md):\d+$/)
    for (const word of words) expect(`${message}\n${evidence}`).toContain(word)
  })

  test('is gone in the good folder, and nothing else is there', async () => {
    const found = findingsInFiles(loadFixture(join(fixtures, code, 'good'), await testEngine()))
    expect(found.filter(({ severity }) => severity !== 'info')).toEqual([])
    expect(found.filter((finding) => finding.code === code)).toEqual([])
  })
})

test('every code is known once, and each has fixtures or says where it is tested', () => {
  const codes = findingDefinitions.map(({ code }) => code)
  expect([...new Set(codes)]).toEqual(codes)
  expect(codes.toSorted()).toEqual(codes)
  const without = codes.filter((code) => !existsSync(join(fixtures, code, 'bad')))
  // Their pairs are results of panels: panel-findings.test.ts.
  expect(without).toEqual(['panel-never-moves', 'panel-no-data', 'panel-one-value'])
})
