/** What the command line says to those who mistype: exit 2, what is wrong, what was meant, and no stack trace. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from './built-command.ts'
import { firedrill } from './run-command.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-usage-'))
  await builtCommand()
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('what is mistyped is told, with exit code 2', () => {
  test.each([
    { args: ['run', 'service-dwon'], said: 'no scenario is called "service-dwon" (did you mean "service-down"?)' },
    {
      args: ['run', 'service-down/too-shrot'],
      said: 'no scenario is called "service-down/too-shrot" (did you mean "too-short"?)',
    },
    { args: ['run', '--al'], said: "error: unknown option '--al'\n(Did you mean --all?)" },
    { args: ['rnu'], said: "error: unknown command 'rnu'\n(Did you mean run?)" },
    { args: ['run'], said: 'name a scenario, or use --all' },
    { args: ['run', 'service-down', '--seed', 'x'], said: 'It must be a whole number, 0 or more.' },
    { args: ['run', 'service-down', '--workers', '0'], said: 'It must be a whole number, 1 or more.' },
    { args: ['run', 'service-down', '--judge', 'promql'], said: 'Allowed choices are auto, embedded, prometheus.' },
    { args: ['run', 'service-down', '--rules', 'nowhere/*.yml'], said: 'nowhere/*.yml:1:1: no rule file is there' },
    {
      args: ['run', 'service-down', '--prometheus-config', 'nowhere.yml'],
      said: 'nowhere.yml:1:1: there is no such file',
    },
    { args: ['check', 'docs/examples/mistakes.yaml'], said: '4 problems, nothing was run' },
  ])('firedrill $args', async ({ args, said }) => {
    const { code, stdout, stderr } = await firedrill(args)
    expect(stderr).toContain(said)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test("rules that Prometheus refuses are told in Prometheus's words, with file and line", async () => {
    const rules = file('wrong.yml', 'groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: rate(x) > \n')
    const { code, stderr } = await firedrill(['run', 'service-down', '--rules', rules])
    expect(stderr).toMatch(/wrong\.yml:5:\d+: .*could not parse expression: .*unexpected end of input/)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(2)
  })

  test('a scrape config that Prometheus refuses is told with file and line', async () => {
    const config = file(
      'prometheus.yml',
      'scrape_configs:\n  - job_name: a\n    scrape_interval: 5s\n    scrape_timeout: 6s\n',
    )
    const { code, stderr } = await firedrill(['check', '--prometheus-config', config])
    expect(stderr).toMatch(/prometheus\.yml:4:\d+ .*scrape timeout greater than scrape interval/)
    expect(code).toBe(2)
  })

  test('an alert that no rule has is told with the nearest name', async () => {
    const text = `format: 1
scenario: typo
title: Expects an alert that there is not
clock: { length: 10m }
world: recommender-small
load: [{ perSecond: 5 }]
expect: { alerts: { ServiceDwon: silent } }
`
    const { code, stderr } = await firedrill(['run', file('typo.yaml', text)])
    expect(stderr).toMatch(/typo\.yaml:7:\d+ .*no rule has the alert "ServiceDwon" \(did you mean "ServiceDown"\?\)/)
    expect(code).toBe(2)
  })
})

describe('a real part that is missing', () => {
  test('is one sentence and how to get it, with exit code 6', async () => {
    const { code, stdout, stderr } = await firedrill(['run', 'service-down', '--judge', 'prometheus'], {
      environment: { PATH: folder, FIREDRILL_REAL_STACK: folder },
    })
    expect(stderr).toMatch(/^prometheus is not installed\. .*apt-get install prometheus.*\n$/)
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' })
  })

  test('is named by the doctor, who goes on', async () => {
    const { code, stdout } = await firedrill(['doctor'], {
      environment: { PATH: folder, FIREDRILL_REAL_STACK: folder },
    })
    expect(stdout).toMatch(/- prometheus +not here/)
    expect(stdout).toContain('How to get what is missing:')
    expect(code).toBe(0)
  })
})

describe('output', () => {
  test('of list is one JSON object with --json', async () => {
    const { stdout, code } = await firedrill(['list', '--json'])
    const { scenarios } = JSON.parse(stdout) as { scenarios: { scenario: string }[] }
    expect(scenarios.map(({ scenario }) => scenario)).toContain('service-down')
    expect(code).toBe(0)
  })

  test('has no colour and no progress where it is no terminal', async () => {
    const { stdout, stderr } = await firedrill(['list'])
    expect(stdout + stderr).not.toContain('\u001b')
    expect(stderr).toBe('')
  })

  test('may be cut off by its reader', async () => {
    const command = await builtCommand()
    const script = `"$0" "$1" list | head -1; exit "\${PIPESTATUS[0]}"`
    const child = spawn('bash', ['-c', script, process.execPath, command], { cwd: packageRoot() })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
    let wrong = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      wrong += chunk
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect({ code, wrong, lines: said.trim().split('\n').length }).toEqual({ code: 0, wrong: '', lines: 1 })
  })
})
