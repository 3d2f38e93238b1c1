/** What a command may say and where: results to stdout, progress and problems to stderr, colour only on a terminal. */
import pc from 'picocolors'
import type { Paint } from '../report/terminal.ts'

export interface Console {
  /** A line of the result. */
  out(line: string): void
  /** A line about what happens, or what is wrong. */
  err(line: string): void
  /** Rewrites the progress line; nothing where stderr is no terminal. */
  progress(line: string): void
  readonly paint: Paint
  /** Asked before colour or progress is used. */
  readonly columns: number
}

interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export function createConsole(
  stdout: Stream,
  stderr: Stream,
  environment: Readonly<Record<string, string | undefined>>,
  options: { readonly color: boolean; readonly quiet: boolean },
): Console {
  const colored = options.color && stdout.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'
  let shown = false
  const clear = () => {
    if (shown) stderr.write('\r\u001b[2K')
    shown = false
  }
  return {
    out(line) {
      clear()
      stdout.write(`${line}\n`)
    },
    err(line) {
      clear()
      stderr.write(`${line}\n`)
    },
    progress(line) {
      if (stderr.isTTY !== true || options.quiet) return
      stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 80) - 1)}`)
      shown = line !== ''
    },
    paint: pc.createColors(colored),
    columns: stdout.columns ?? 100,
  }
}
