/** Compiles before slow tests: some of them import the package by its name, as its users do. */
import { builtCommand } from './built-command.ts'

export default async function setup(): Promise<void> {
  await builtCommand()
}
