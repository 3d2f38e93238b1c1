/** Names of metrics that documents speak of: in Markdown every name in code or in a table, in other files every name. */
import type { Problem } from '../scenario/problem.ts'

export interface Documentation {
  readonly files: readonly string[]
  /** Name to the place where it stands first. */
  readonly metrics: ReadonlyMap<string, string>
}

export function readDocumentation(
  files: readonly string[],
  read: (file: string) => string,
): { documentation: Documentation; problems: readonly Problem[] } {
  const metrics = new Map<string, string>()
  const problems: Problem[] = []
  for (const file of files) {
    let text: string
    try {
      text = read(file)
    } catch (error) {
      const message = `cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`
      problems.push({ file, line: 1, column: 1, path: '', message, hint: undefined })
      continue
    }
    for (const [i, line] of text.split('\n').entries()) {
      for (const name of namesIn(line, /\.(md|markdown)$/i.test(file))) {
        if (!metrics.has(name)) metrics.set(name, `${file}:${i + 1}`)
      }
    }
  }
  return { documentation: { files, metrics }, problems }
}

/** A metric has an underscore or a colon in its name, or else is `up`; other words are words. */
function namesIn(line: string, markdown: boolean): string[] {
  const parts = markdown
    ? /^\s*\|/.test(line)
      ? [line]
      : [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
    : [line]
  const names = parts.flatMap((part) => part.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [])
  return names.filter((name) => name === 'up' || /^[a-zA-Z].*[_:]./.test(name))
}
