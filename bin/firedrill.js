#!/usr/bin/env node
// Starts the compiled command line; says what to do when it is not compiled yet.
import { existsSync } from 'node:fs'

const main = new URL('../dist/simulator/cli/main.js', import.meta.url)
if (!existsSync(main)) {
  process.stderr.write('firedrill is not built yet: run ./bootstrap\n')
  process.exit(70)
}
await (await import(main.href)).main(process.argv.slice(2))
