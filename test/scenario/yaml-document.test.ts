/** Bytes that no editor would save as a scenario, and places of what is found. */
import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../simulator/scenario/problem.ts'
import { readYaml } from '../../simulator/scenario/yaml-document.ts'

function said(bytes: Uint8Array | string, options = {}): string[] {
  const { problems } = readYaml('a.yaml', typeof bytes === 'string' ? Buffer.from(bytes) : bytes, options)
  return problems.map(formatProblem)
}

function workMs(text: string): number {
  const bytes = Buffer.from(text)
  const before = process.cpuUsage()
  readYaml('a.yaml', bytes)
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1000
}

describe('the YAML reader', () => {
  it('reads plain data and knows the place of each value and key', () => {
    const { document, problems } = readYaml('a.yaml', Buffer.from('a:\n  - b: 1\n    c: two\n'))
    expect(problems).toEqual([])
    expect(document!.data).toEqual({ a: [{ b: 1, c: 'two' }] })
    const at = (path: (string | number)[], on: 'key' | 'value') => {
      const { line, column } = document!.locate({ path, on, message: '' })
      return `${line}:${column}`
    }
    expect(at(['a', 0, 'c'], 'key')).toBe('3:5')
    expect(at(['a', 0, 'c'], 'value')).toBe('3:8')
    expect(at(['a', 0, 'missing'], 'key')).toBe('2:5')
    expect(at(['nothing'], 'value')).toBe('1:1')
  })

  it('keeps times as text and reads aliases as what they stand for', () => {
    const { document } = readYaml('a.yaml', Buffer.from('a: &x { at: 2026-01-05T09:00:00Z }\nb: *x\na2: &x 1\nc: *x\n'))
    expect(document!.data).toEqual({
      a: { at: '2026-01-05T09:00:00Z' },
      b: { at: '2026-01-05T09:00:00Z' },
      a2: 1,
      c: 1,
    })
  })

  it('reports a byte order mark and goes on reading', () => {
    const { document, problems } = readYaml('a.yaml', Buffer.from('\uFEFFa: no\n'))
    expect(document!.data).toEqual({ a: 'no' })
    expect(problems.map(formatProblem)).toEqual([
      'a.yaml:1:1: starts with a byte order mark (save it as UTF-8 without one)',
      'a.yaml:1:4 a: "no" is a word to some YAML readers and false to others (write "no" in quotes, or false)',
    ])
  })

  it('refuses NUL and other control characters at their place', () => {
    expect(said('a: 1\nb: x\0y\n')).toEqual(['a.yaml:2:5: contains a NUL character'])
    expect(said('a: \u0007\n')).toEqual(['a.yaml:1:4: contains the control character U+0007'])
  })

  it('refuses what is not UTF-8 at its place', () => {
    expect(said(Buffer.from('title: caf\xe9\n', 'latin1'))).toEqual([
      'a.yaml:1:11: byte 0xe9 is not UTF-8 (save it as UTF-8)',
    ])
    expect(said(Buffer.from('\uFEFFa: 1\n', 'utf16le'))).toEqual(['a.yaml:1:1: is UTF-16 (save it as UTF-8)'])
    expect(said(Buffer.from([0x61, 0x3a, 0x20, 0xe2, 0x82]))).toEqual([
      'a.yaml:1:4: byte 0xe2 is not UTF-8 (save it as UTF-8)',
    ])
  })

  it('accepts letters of every language', () => {
    expect(readYaml('a.yaml', Buffer.from('título: "Größe 漢字 🚒"\n')).document!.data).toEqual({
      título: 'Größe 漢字 🚒',
    })
  })

  it.each([
    ['a file of 10 MB', 'a'.repeat(10_000_000)],
    ['a text of 900 kB', `a: "${'x'.repeat(900_000)}"\nb: [`],
    ['10,000 brackets', `a: ${'['.repeat(10_000)}`],
    ['10,000 closed brackets', `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['10,000 braces', '{a: '.repeat(10_000)],
    ['10,000 dashes', '- '.repeat(10_000)],
    ['10,000 question marks', '? '.repeat(10_000)],
    ['1,200 levels of indentation', Array.from({ length: 1200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['100,000 keys twice', 'a: 1\n'.repeat(100_000)],
    ['100,000 values', `a: [${'1, '.repeat(100_000)}]`],
  ])('survives %s quickly, with a few lines of complaint', (_what, text) => {
    const lines = said(text)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThanOrEqual(101)
    expect(lines.every((line) => line.length < 400)).toBe(true)
    expect(Math.min(workMs(text), workMs(text), workMs(text))).toBeLessThan(200)
  })

  it('leaves the words of other formats alone', () => {
    const { document, problems } = readYaml(
      'p.yml',
      Buffer.from('a: no\nb: &b { x: 1, y: 2 }\nc:\n  y: 3\n  <<: *b\n'),
      {
        traps: 'accept',
      },
    )
    expect(problems).toEqual([])
    expect(document!.data).toEqual({ a: 'no', b: { x: 1, y: 2 }, c: { x: 1, y: 3 } })
  })
})
