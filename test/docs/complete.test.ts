/** The pages that list things list all of them, and their links lead somewhere. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../simulator/package-root.ts'
import { faultPage } from '../../tools/fault-reference.ts'
import { pages, readPage } from './documentation.ts'

interface ScenarioFile {
  readonly scenario: string
  readonly events?: readonly { readonly fault: string }[]
  readonly expect?: { readonly alerts?: Readonly<Record<string, unknown>> }
  readonly twins?: readonly { readonly name: string }[]
}

const root = packageRoot()
const scenarios = readdirSync(join(root, 'scenarios'))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => parse(readPage(join('scenarios', name))) as ScenarioFile)

describe('scenarios/README.md says what each scenario proves', () => {
  const rows = readPage('scenarios/README.md').split('\n')

  test.each(scenarios)('$scenario', ({ scenario, events = [], expect: expected, twins = [] }) => {
    const row = rows.find((line) => line.startsWith(`| [${scenario}](${scenario}.yaml) |`))
    expect(row, `a row for ${scenario}`).toBeDefined()
    const fires = Object.entries(expected?.alerts ?? {}).flatMap(([name, what]) => (what === 'may' ? [] : name))
    for (const word of [...fires, ...events.map(({ fault }) => fault), ...twins.map(({ name }) => name)]) {
      expect(row).toContain(word)
    }
  })

  test('and names none that is not there', () => {
    const named = rows.flatMap((line) => /^\| \[([a-z0-9-]+)\]/.exec(line)?.[1] ?? [])
    expect(named.sort()).toEqual(scenarios.map(({ scenario }) => scenario).sort())
  })
})

test('docs/faults.md is what npm run fault-reference writes', () => {
  expect(readPage('docs/faults.md')).toBe(faultPage())
})

describe('links lead somewhere', () => {
  test.each(pages())('%s', (page) => {
    const links = [...readPage(page).matchAll(/\]\((?!\w+:\/\/|#|mailto:)([^)#\s]+)/g)].map(([, link]) => link!)
    const broken = links.filter((link) => !existsSync(join(root, dirname(page), decodeURI(link))))
    expect(broken).toEqual([])
  })
})
