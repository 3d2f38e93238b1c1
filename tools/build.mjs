// Compiles the TypeScript sources into dist/. `npm ci` runs it (script "prepare"), so a fresh clone can run at once.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
if (!existsSync(compiler)) {
  // Installed without development dependencies (for example from a packed package): dist/ came with it.
  process.exit(existsSync(join(root, 'dist')) ? 0 : 1)
}
rmSync(join(root, 'dist'), { recursive: true, force: true })
const result = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
process.exit(result.status ?? 1)
