/** What a command says on a terminal, and what it says into a pipe. */
import { expect, test } from 'vitest'
import { createConsole } from '../../simulator/cli/console.ts'

const long = '  ✓ ServiceDown   fires 08:10 to 08:35 (legal 08:00 to 09:15), resolves 11:10 to 11:35, text complete'

test('on a terminal a long line goes on under its beginning, between words', () => {
  expect(said(long, { isTTY: true, columns: 60 })).toEqual([
    '  ✓ ServiceDown   fires 08:10 to 08:35 (legal 08:00 to',
    '      09:15), resolves 11:10 to 11:35, text complete',
  ])
})

test('a word is never broken: paths and commands can be copied', () => {
  const path = `rules/${'deep/'.repeat(20)}rules.yml:3`
  expect(said(`  error in ${path}`, { isTTY: true, columns: 60 })).toEqual(['  error in', `      ${path}`])
})

test('in a pipe a line stays a line', () => {
  expect(said(long, {})).toEqual([long])
})

test('colours take no room', () => {
  const line = `  \u001b[32m✓\u001b[39m ${'word '.repeat(10).trim()}`
  expect(said(line, { isTTY: true, columns: 60 })).toEqual([line])
})

test('a block that is rewritten is never higher than the terminal: what has left it at the top would stay there', () => {
  let text = ''
  const stderr = { isTTY: true, columns: 60, rows: 4, write: (part: string) => (text += part) }
  const console = createConsole({ write() {} }, stderr, {}, { color: true, quiet: false })
  console.screen(['a', 'b', 'c', 'd'])
  expect(text).toBe('a\nb\n... 2 more lines in a higher terminal\n')
  text = ''
  console.screen(['a', 'b', 'c'])
  expect(text).toBe('\u001b[3A\u001b[Ja\nb\nc\n')
})

function said(line: string, stream: { isTTY?: boolean; columns?: number }): string[] {
  let text = ''
  const stdout = {
    ...stream,
    write(part: string) {
      text += part
    },
  }
  createConsole(stdout, { write() {} }, {}, { color: true, quiet: true }).out(line)
  return text.trimEnd().split('\n')
}
