/** The pages of the documentation, and the fenced blocks in them, for the tests that try them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { packageRoot } from '../../simulator/package-root.ts'

export interface Block {
  /** `docs/scenarios.md:12`, for messages. */
  readonly place: string
  /** `console`, `sh`, `yaml`, ... */
  readonly language: string
  readonly text: string
  /** Why it is not tried: the comment `<!-- not run: ... -->` right after the block. */
  readonly notRun: string | undefined
}

/** Pages that are followed step by step in a folder of their own (tutorial.slow.test.ts); their scenarios are not shipped. */
export const followedPages: readonly string[] = ['docs/tutorial.md']

export function pages(): string[] {
  const root = packageRoot()
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
  return ['README.md', 'scenarios/README.md', 'CHANGELOG.md', ...inDocs].sort()
}

export function readPage(page: string): string {
  return readFileSync(join(packageRoot(), page), 'utf8')
}

export function blocks(): Block[] {
  return pages().flatMap((page) => blocksOf(page, readPage(page)))
}

function blocksOf(page: string, text: string): Block[] {
  const lines = text.split('\n')
  const found: Block[] = []
  for (let i = 0; i < lines.length; i += 1) {
    const open = /^\s*(`{3,})(\S*)/.exec(lines[i]!)
    if (!open) continue
    const start = i
    for (i += 1; i < lines.length && lines[i]!.trim() !== open[1]; i += 1);
    const after = lines.slice(i + 1, i + 3).join('\n')
    found.push({
      place: `${relative('.', page)}:${start + 1}`,
      language: open[2]!,
      text: lines.slice(start + 1, i).join('\n'),
      notRun: /^\s*<!-- not run: (\S.*?) -->/.exec(after)?.[1],
    })
  }
  return found
}

export interface ShownCommand {
  readonly place: string
  readonly command: string
  /** The lines that a `console` block shows under it. */
  readonly output: readonly string[]
}

/** In a `console` block commands follow a `$`; in a `sh` block every line is one. */
export function commandsOf(block: Block): ShownCommand[] {
  const commands: { place: string; command: string; output: string[] }[] = []
  const lines = block.text.replaceAll(/\\\n\s*/g, '').split('\n')
  for (const line of lines) {
    const isCommand = block.language === 'console' ? line.startsWith('$ ') : line.trim() !== '' && !/^\s*#/.test(line)
    if (isCommand) {
      const command = line.replace(/^\$ /, '').replace(/\s+# .*$/, '')
      commands.push({ place: block.place, command, output: [] })
    } else commands.at(-1)?.output.push(line)
  }
  return commands
}

/** The arguments after `firedrill`; a pipe ends them. */
export function wordsOf(command: string): string[] {
  const [ours = ''] = command.replace(/^(npx )?firedrill ?|^node bin\/firedrill\.js ?/, '').split(/\s[|>]/)
  return [...ours.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain!)
}

/** Wall times, hashes of streams and paths of programs may differ; a line of three dots stands for any number of lines. */
export function patternOf(output: readonly string[]): RegExp {
  const lines = output.join('\n').trimEnd().split('\n')
  const source = lines.map((line) => {
    if (/^\s*(\.\.\.|…)\s*$/.test(line)) return '(?:.*\\n)*?'
    return `${line
      .trimEnd()
      .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/(stream +)[0-9a-f]{16}/g, '$1[0-9a-f]{16}')
      .replaceAll(/\d+\\\.\d+( ?s\b)/g, '\\d+\\.\\d+$1')
      .replaceAll(/\b(v?\d+\\\.\d+\\\.\d+)(?=,| \(needs)/g, 'v?\\d+\\.\\d+\\.\\d+')} *\\n`
  })
  return new RegExp(`^${source.join('')}(?:\\n|$)`, 'm')
}
