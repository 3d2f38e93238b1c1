/** The packed package works where nothing else is: command line, programming interface, types, files. */
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { type InstalledPackage, installPackage, listed } from './installed-package.ts'

let installed: Awaited<ReturnType<typeof installPackage>>
beforeAll(async () => {
  installed = await installPackage()
}, 180_000)
afterAll(() => {
  if (!('skipped' in installed)) installed.remove()
})

function thePackage(context: TestContext): InstalledPackage {
  if ('skipped' in installed) return context.skip(installed.skipped)
  return installed
}

test('npx firedrill run kafka-lag-spike gives the verdict in an empty folder', async (context) => {
  const { code, stdout, stderr } = await thePackage(context).run('npx', [
    'firedrill',
    'run',
    'kafka-lag-spike',
    '--no-twins',
  ])
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/✓ DataPipelineProcessingLag +fires .* text complete/)
  expect(stdout).toMatch(/\d+ held, 0 failed/)
})

test('list, check and doctor find the files of the package', async (context) => {
  const own = thePackage(context)
  const list = await own.run('npx', ['firedrill', 'list'])
  expect(list.stdout).toContain('kafka-lag-spike')
  expect(await own.run('npx', ['firedrill', 'check'])).toMatchObject({ code: 0 })
  expect((await own.run('npx', ['firedrill', 'doctor'])).stdout).toMatch(/✓ embedded judge {3}Prometheus \d/)
})

test('the documented unit test of an alert passes, in JavaScript and in types', async (context) => {
  const own = thePackage(context)
  const example = join(packageRoot(), 'docs', 'examples', 'alert-test')
  for (const name of ['failing-recommendations.yml', 'failing-recommendations.test.ts']) {
    copyFileSync(join(example, name), join(own.folder, name))
  }
  for (const name of ['vitest', 'typescript', '@types/node', 'undici-types']) {
    if (!existsSync(join(own.folder, 'node_modules', name))) own.link(name)
  }
  const vitest = await own.run('node', ['node_modules/vitest/vitest.mjs', 'run', '--testTimeout=120000'])
  expect(vitest.stdout + vitest.stderr).toMatch(/2 passed/)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  const types = await own.run('node', [
    'node_modules/typescript/bin/tsc',
    ...options,
    'failing-recommendations.test.ts',
    '--skipLibCheck',
  ])
  expect(types.stdout).toBe('')
})

test('the types say what is wrong with a call', async (context) => {
  const own = thePackage(context)
  writeFileSync(
    join(own.folder, 'wrong.ts'),
    `import { type RunReport, runDrill, runDrills } from 'firedrill'
const report: RunReport = await runDrills({ scenarios: 'all', workers: 1 })
export const times: readonly (readonly [number, number] | null)[] = report.drills.flatMap(({ alerts }) => alerts.map(({ firingAt }) => firingAt))
await runDrill({ scenaro: 'service-down' })
await runDrill({ scenario: { format: 2, scenario: 'a', title: 'b', clock: { length: '5m' }, world: 'w', load: [] } })
`,
  )
  if (!existsSync(join(own.folder, 'node_modules', 'typescript'))) own.link('typescript')
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck']
  const { stdout } = await own.run('node', ['node_modules/typescript/bin/tsc', ...options, 'wrong.ts'])
  const lines = stdout.match(/^wrong\.ts\(\d+/gm)
  expect(lines).toEqual(['wrong.ts(4', 'wrong.ts(5'])
})

test('a program that has run a drill ends by itself', async (context) => {
  const own = thePackage(context)
  const program = `import { runDrill } from 'firedrill'
const { verdict, alerts } = await runDrill({ scenario: 'service-down', dashboards: false })
console.log(verdict, alerts.find(({ alertname }) => alertname === 'ServiceDown').firingAt.length)`
  const ran = await own.run('node', ['--input-type=module', '-e', program])
  expect(ran).toMatchObject({ code: 0, stdout: 'held 2\n' })
})

test('scenarios, observability files and the engine are inside; sources, tests and secrets are not', (context) => {
  const own = thePackage(context)
  for (const name of ['kafka-lag-spike.yaml', 'scenario.schema.json', 'worlds']) {
    expect(listed(own, 'scenarios')).toContain(name)
  }
  expect(listed(own, 'observability', 'prometheus')).toContain('alert-rules.yml')
  expect(listed(own, 'observability', 'grafana', 'dashboards')).toContain('system-health.json')
  expect(listed(own, 'simulator', 'judge', 'embedded').sort()).toEqual([
    'engine.json',
    'engine.wasm.br',
    'wasm_exec.js',
  ])
  expect(listed(own)).toContain('firedrill.yaml')
  const strangers = own.files.filter((path) => {
    const source = path.endsWith('.ts') && !path.endsWith('.d.ts') && !/^(docs|observability)\//.test(path)
    return source || /^(test|tools|node_modules|dist\/test)\//.test(path) || /secrets\/(?!README)/.test(path)
  })
  expect(strangers).toEqual([])
  expect(own.bytes).toBeLessThan(8_000_000)
})
