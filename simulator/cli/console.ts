/** What a command may say and where: results to stdout, progress and problems to stderr, colour only on a terminal. */
import pc from 'picocolors'
import wrapAnsi from 'wrap-ansi'
import type { Paint } from '../report/terminal.ts'

export interface Console {
  /** A line of the result. */
  out(line: string): void
  /** A line about what happens, or what is wrong. */
  err(line: string): void
  /** Rewrites the progress line; nothing where stderr is no terminal. */
  progress(line: string): void
  /** Rewrites a block of lines in place. @returns false where stderr is no terminal: then nothing was shown */
  screen(lines: readonly string[]): boolean
  /** What fits into a line of the block, now: a terminal may be made wider. */
  readonly screenColumns: number
  /** Whether somebody watches the progress. */
  readonly isTerminal: boolean
  readonly paint: Paint
  /** Asked before colour or progress is used. */
  readonly columns: number
}

interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

export function createConsole(
  stdout: Stream,
  stderr: Stream,
  environment: Readonly<Record<string, string | undefined>>,
  options: { readonly color: boolean; readonly quiet: boolean },
): Console {
  const colored = options.color && stdout.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'
  let shown = false
  let screenLines = 0
  const clear = () => {
    if (shown) stderr.write('\r\u001b[2K')
    shown = false
  }
  return {
    out(line) {
      clear()
      stdout.write(`${fold(line, stdout)}\n`)
    },
    err(line) {
      clear()
      stderr.write(`${fold(line, stderr)}\n`)
    },
    progress(line) {
      if (stderr.isTTY !== true || options.quiet) return
      stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 80) - 1)}`)
      shown = line !== ''
    },
    screen(lines) {
      if (stderr.isTTY !== true || options.quiet) return false
      const width = this.screenColumns
      const up = screenLines > 0 ? `\u001b[${screenLines}A\u001b[J` : ''
      const shown = fitting(lines, (stderr.rows ?? lines.length + 1) - 1)
      stderr.write(`${up}${shown.map((line) => `${cut(line, width)}\n`).join('')}`)
      screenLines = shown.length
      return true
    },
    get screenColumns() {
      return (stderr.columns ?? 80) - 1
    },
    isTerminal: stderr.isTTY === true && !options.quiet,
    paint: pc.createColors(colored),
    columns: stdout.columns ?? 100,
  }
}

/** What has left a terminal at its top can't be rewritten: a block is never higher than the terminal. */
function fitting(lines: readonly string[], height: number): readonly string[] {
  if (lines.length <= height) return lines
  const kept = Math.max(1, height - 1)
  return [...lines.slice(0, kept), `... ${lines.length - kept} more lines in a higher terminal`]
}

/** Cuts what is seen, not the codes of colours: a line that wraps would shift the whole block. */
function cut(line: string, width: number): string {
  let seen = 0
  let result = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with the escape character
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith('\u001b')) {
      result += part
      continue
    }
    result += part.slice(0, Math.max(0, width - seen))
    seen += part.length
  }
  return result
}

/** On a terminal long lines go on under their own beginning; elsewhere a line stays a line, for grep. */
function fold(text: string, { isTTY, columns }: Stream): string {
  if (isTTY !== true || columns === undefined || columns < 40) return text
  return text
    .split('\n')
    .map((line) => {
      if (line.length <= columns) return line
      const indent = /^ */.exec(line)![0]
      const hanging = `${indent}    `
      const [first, ...rest] = wrapAnsi(line, columns - hanging.length, { trim: false }).split('\n')
      return [first!, ...rest.map((part) => `${hanging}${part.trimStart()}`)].map((part) => part.trimEnd()).join('\n')
    })
    .join('\n')
}
