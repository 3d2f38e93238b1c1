/** promtool's word on the shipped files: they load, every rule does what it says, every runbook's query is PromQL. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readRuleGroups, readText, repositoryPath } from './rule-files.ts'

const run = promisify(execFile)
const hasPromtool = await run('promtool', ['--version']).then(
  () => true,
  () => false,
)
const withPromtool = hasPromtool ? test : test.skip
const reason = hasPromtool ? '' : ' (skipped: promtool is not on the PATH)'
const timeoutMs = 60_000

withPromtool(
  `prometheus.yml is valid${reason}`,
  async () => {
    expect(await promtool('check', 'config', repositoryPath('observability/prometheus/prometheus.yml'))).toContain(
      'SUCCESS',
    )
  },
  timeoutMs,
)

withPromtool(
  `alert-rules.yml holds 16 valid rules${reason}`,
  async () => {
    expect(await promtool('check', 'rules', repositoryPath('observability/prometheus/alert-rules.yml'))).toContain(
      'SUCCESS: 16 rules found',
    )
  },
  timeoutMs,
)

withPromtool(
  `slo-rules.yml holds 18 valid rules${reason}`,
  async () => {
    expect(await promtool('check', 'rules', repositoryPath('observability/prometheus/slo-rules.yml'))).toContain(
      'SUCCESS: 18 rules found',
    )
  },
  timeoutMs,
)

withPromtool(
  `the unit tests of the SLO rules pass${reason}`,
  async () => {
    const files = ['slo', 'slo-slow'].map((name) => repositoryPath(`observability/prometheus/tests/${name}.test.yml`))
    expect(await promtool('test', 'rules', ...files)).not.toContain('FAILED')
  },
  4 * timeoutMs,
)

for (const { name, interval, rules } of readRuleGroups()) {
  const file = `observability/prometheus/tests/${name}.test.yml`

  test(`the unit tests of the ${name} group run at its interval and make every rule fire, and stay silent or pending`, () => {
    const text = readText(file)
    expect(text).toContain(`\nevaluation_interval: ${interval}\n`)
    for (const { alert } of rules) {
      const cases = text.split('\n  - name: ').filter((part) => part.includes(alert))
      expect(
        cases.some((part) => new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:`).test(part)),
        alert,
      ).toBe(true)
      expect(
        cases.some((part) => /alertname: \w+ \}|count_over_time\(ALERTS/.test(part)),
        alert,
      ).toBe(true)
    }
  })

  withPromtool(
    `the unit tests of the ${name} group pass${reason}`,
    async () => {
      expect(await promtool('test', 'rules', repositoryPath(file))).toContain('SUCCESS')
    },
    timeoutMs,
  )
}

withPromtool(
  `every query of the runbooks is valid PromQL${reason}`,
  async () => {
    const queries: string[] = []
    for (const page of await readdir(repositoryPath('docs/runbooks'))) {
      for (const match of readText(`docs/runbooks/${page}`).matchAll(/```promql\n([^`]+)\n```/g))
        queries.push(match[1]!)
    }
    expect(queries.length).toBeGreaterThanOrEqual(16)
    const rules = queries.map((expr, index) => ({ record: `runbook:query_${index}`, expr }))
    const directory = await mkdtemp(join(tmpdir(), 'firedrill-runbooks-'))
    try {
      const file = join(directory, 'rules.yml')
      await writeFile(file, stringify({ groups: [{ name: 'runbooks', rules }] }))
      expect(await promtool('check', 'rules', file)).toContain(`SUCCESS: ${queries.length} rules found`)
    } finally {
      await rm(directory, { recursive: true })
    }
  },
  timeoutMs,
)

/** @returns what promtool wrote. A failure is an error that shows all of it. */
async function promtool(...parameters: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run('promtool', parameters)
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`promtool ${parameters.join(' ')}\n${stdout}${stderr}`)
  }
}
