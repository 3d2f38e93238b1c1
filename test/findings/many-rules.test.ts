/** Thousands of rules: what looks at pairs of them must not take their square. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inhibitionNeverMatches } from '../../simulator/findings/inhibition-never-matches.ts'
import { testEngine } from '../drill/run-scenario.ts'
import { fixtures, loadFixture } from './finding-fixture.ts'

test('an inhibition over 10,000 alerts that never match is found with two examples, and all are counted', async () => {
  const subject = loadFixture(join(fixtures, 'inhibition-never-matches', 'bad'), await testEngine())
  const [group] = subject.groups
  const [source, target] = group!.rules
  const rules = Array.from({ length: 10_000 }, (_, i) => ({ ...(i % 2 === 0 ? source! : target!), name: `Alert${i}` }))
  const [noticed] = inhibitionNeverMatches.inFiles!({ ...subject, groups: [{ ...group!, rules }] })
  expect(noticed!.evidence).toMatch(/^5000 possible sources, 5000 possible targets, and no pair agrees on equal: /)
})
