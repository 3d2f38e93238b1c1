/** Writes docs/faults.md. Run it after a change of a fault. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultPage } from './fault-reference.ts'

writeFileSync(join(fileURLToPath(new URL('..', import.meta.url)), 'docs', 'faults.md'), faultPage())
