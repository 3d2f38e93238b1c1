/** The tutorial, followed word by word: each file is saved, each command is run, and what it prints is what the page shows. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { firedrill } from '../cli/run-command.ts'
import { blocks, commandsOf, followedPages, patternOf, wordsOf } from './documentation.ts'

describe.each(followedPages)('%s', (page) => {
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-tutorial-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  // In the order of the page: a later step stands on the files of those before it.
  for (const block of blocks().filter(({ place }) => place.startsWith(page))) {
    const file = /^# (\S+\.ya?ml)$/m.exec(block.text.split('\n', 1)[0]!)?.[1]
    if (file) {
      test(`${block.place}: save ${file}`, () => {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), block.text)
      })
    }
    if (!['sh', 'console'].includes(block.language)) continue
    for (const { command, output, place } of commandsOf(block)) {
      test(`${place}: ${command}`, async () => {
        const { stdout, stderr, code } = await firedrill(wordsOf(command), { cwd: folder })
        expect([0, 1, 7], stderr).toContain(code)
        if (output.length > 0) expect(stdout).toMatch(patternOf(output))
      })
    }
  }
})
