/** Each finding has a page that says the same as its code, and the list has a row for each; metrics.md has the catalogue. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findingDefinitions } from '../../simulator/findings/index.ts'

const list = readFileSync(join('docs', 'findings.md'), 'utf8')

describe.each(findingDefinitions)('$code', ({ code, severity, title }) => {
  const page = () => readFileSync(join('docs', 'findings', `${code}.md`), 'utf8')

  test('has a page with its severity, the defect, the mend and how it is measured', () => {
    expect(page()).toMatch(new RegExp(`^# ${code}\n\nSeverity: ${severity}\\.\n`))
    for (const heading of ['The defect', 'The mend', 'How it is measured'])
      expect(page()).toContain(`\n## ${heading}\n`)
  })

  test('shows the files of its fixtures, so that the example is one that was tried', () => {
    const files = readdirSync(join('test', 'fixtures', 'findings')).includes(code)
      ? ['bad', 'good'].map((kind) => join('test', 'fixtures', 'findings', code, kind))
      : []
    for (const folder of files) {
      const shown = readdirSync(folder).some((name) => page().includes(readFileSync(join(folder, name), 'utf8').trim()))
      expect(shown, folder).toBe(true)
    }
  })

  test('stands in the list', () => {
    expect(list).toContain(`| [${code}](findings/${code}.md) | ${severity} |`)
    expect(list).toContain(`| ${title} |\n`)
  })
})

test.each(findingDefinitions)('$code has a pair that is tried: one with the defect, one without', ({ code }) => {
  const folder = join('test', 'fixtures', 'findings', code)
  if (['bad', 'good'].every((kind) => existsSync(join(folder, kind)))) {
    const tests = ['findings-in-files.test.ts', 'findings-in-drills.slow.test.ts']
    const tried = tests.map((name) => readFileSync(join('test', 'findings', name), 'utf8'))
    expect(tried.some((text) => text.includes(`'${code}'`))).toBe(true)
    return
  }
  // Whose pair are panels in drills, and not files.
  const name = code.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const ofPanels = readFileSync(join('test', 'findings', 'panel-findings.test.ts'), 'utf8')
  expect(ofPanels.split(`${name}.inRun!(`).length - 1).toBeGreaterThanOrEqual(2)
  expect(ofPanels).toContain(`expect([...${name}.inRun!(`)
})

test('there is no page of a finding that is gone', () => {
  const pages = readdirSync(join('docs', 'findings')).map((name) => name.replace(/\.md$/, ''))
  expect(pages.toSorted()).toEqual(findingDefinitions.map(({ code }) => code).toSorted())
})

test('docs/metrics.md has every metric of the catalogue', () => {
  const { metrics } = JSON.parse(readFileSync(join('test', 'fixtures', 'catalogue.json'), 'utf8')) as {
    metrics: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  const page = readFileSync(join('docs', 'metrics.md'), 'utf8')
  const missing = Object.values(metrics)
    .flatMap((ofService) => Object.keys(ofService))
    .filter((name) => !page.includes(`| \`${name}\` |`))
  expect(missing).toEqual([])
})
