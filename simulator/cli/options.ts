/** What the definitions of the commands share: how a command is started, and how its options are read. */
import { InvalidArgumentError } from 'commander'
import type { CommandContext } from './context.ts'

/** Runs a command with what it gets of the process; its number is the exit code. */
export type Start = (run: (context: CommandContext) => Promise<number>) => Promise<void>

export function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number, 0 or more.')
  return value
}

export function serverUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('Write for example http://localhost:3100.')
  }
  return text
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return value
}
