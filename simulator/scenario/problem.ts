/** What is wrong with a file that somebody wrote: where, what, and what to do. Every problem of a file is reported at once. */
import { countOf } from '../count-text.ts'

export interface Problem {
  /** Path as the user named it. */
  readonly file: string
  /** From 1; 0 for what has no lines, such as options of a program. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** For example `events[0].target.service`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
  /** What to do instead, for example `did you mean "ml-engine"?`. */
  readonly hint: string | undefined
}

/** A problem before it has a place: the path says where in the data it is. */
export interface Finding {
  readonly path: DataPath
  /** Whether the key or the value at the path is meant. */
  readonly on: 'key' | 'value'
  readonly message: string
  readonly hint?: string | undefined
}

export type DataPath = readonly (string | number)[]

/** For callers who would rather throw than carry problems along. */
export class InputError extends Error {
  override readonly name = 'InputError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.problems = problems
  }
}

/** @returns one line, `file:line:column path: message (hint)` */
export function formatProblem({ file, line, column, path, message, hint }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`
  return `${place}${path === '' ? '' : ` ${path}`}: ${message}${hint ? ` (${hint})` : ''}`
}

/** @returns for example `twins[0].set["stall.hold"]` */
export function formatPath(path: DataPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[\w-]+$/.test(step)) text += `[${JSON.stringify(shorten(step))}]`
    else text += text === '' ? shorten(step) : `.${shorten(step)}`
  }
  return text.length > 160 ? `${text.slice(0, 157)}...` : text
}

/** What the reader of the text has found goes before what the schema says about the same place. */
export function joinProblems(ofText: readonly Problem[], ofData: readonly Problem[]): Problem[] {
  const taken = new Set(ofText.map(({ line, column, path }) => `${line}:${column} ${path}`))
  return [...ofText, ...ofData.filter(({ line, column, path }) => !taken.has(`${line}:${column} ${path}`))]
}

const problemsMax = 100

/** By place, without repetitions, and not more than anybody reads. */
export function orderProblems(problems: readonly Problem[]): Problem[] {
  const sorted = [...problems].sort(
    (a, b) =>
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compare(a.path, b.path) ||
      compare(a.message, b.message),
  )
  const distinct = sorted.filter((problem, i) => i === 0 || formatProblem(problem) !== formatProblem(sorted[i - 1]!))
  if (distinct.length <= problemsMax) return distinct
  const last = distinct[problemsMax - 1]!
  const more = distinct.length - problemsMax
  return [
    ...distinct.slice(0, problemsMax),
    {
      ...last,
      path: '',
      message: `and ${countOf(more, 'more problem')} from here on`,
      hint: undefined,
    },
  ]
}

/** @returns the value as it is shown in a message, not longer than a few words */
export function showValue(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'string' ? JSON.stringify(shorten(value)) : String(value)
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
