/** Anybody can check that the committed engine is what its source says: where Go is, it is built and compared. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { engineFacts } from '../../simulator/judge/embedded/load-engine.ts'
import { packageRoot } from '../../simulator/package-root.ts'

test('the engine built from its source is the committed one', async (context) => {
  const go = await run('go', ['env', 'GOVERSION'], packageRoot(), { GOTOOLCHAIN: 'local' })
  if (go === undefined) return context.skip('go is not on the PATH')
  const [here, pinned] = [go.output.trim(), engineFacts().go]
  // Getting the other release of Go takes longer than all other tests.
  if (here !== pinned)
    return context.skip(`go is ${here}, the engine is built with ${pinned} (npm run build:engine -- --check)`)
  const modules = await run('go', ['mod', 'download'], join(packageRoot(), 'simulator', 'judge', 'embedded', 'go'))
  if (modules?.code !== 0) return context.skip(`the Go modules are not to be had: ${modules?.output.slice(0, 200)}`)
  const built = await run('node', ['tools/build-engine.mjs', '--check'])
  expect(built?.output).toBe('the committed engine is what the source gives\n')
}, 600_000)

/** @returns undefined when there is no such program */
function run(
  program: string,
  args: readonly string[],
  cwd = packageRoot(),
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string } | undefined> {
  return new Promise((resolve) => {
    execFile(program, [...args], { cwd, env: { ...process.env, ...environment } }, (error, stdout, stderr) => {
      const code = (error as { code?: number | string } | null)?.code
      resolve(code === 'ENOENT' ? undefined : { code: typeof code === 'number' ? code : 0, output: stdout + stderr })
    })
  })
}
