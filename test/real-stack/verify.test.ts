/** `firedrill verify` as users run it: it starts a stack, and says with figures what of it works. */
import { expect, test } from 'vitest'
import { firedrill } from '../cli/run-command.ts'
import { whyMissing } from './servers.ts'

interface Verified {
  readonly suites: readonly {
    readonly number: number
    readonly state: string
    readonly checks: readonly { readonly what: string; readonly state: string; readonly detail: string }[]
  }[]
  readonly passed: number
  readonly exitCode: number
}

const reason = whyMissing('prometheus', 'loki', 'jaeger')

test.skipIf(reason)(
  `all suites pass against real servers, and nothing is left behind${reason ? ` (skipped: ${reason})` : ''}`,
  async () => {
    const { stdout, stderr, code, orphans, left } = await firedrill(['verify', '--json'])
    const { suites, passed } = JSON.parse(stdout) as Verified
    const failing = suites.flatMap(({ checks }) => checks.filter(({ state }) => state === 'failed'))
    expect(failing, stderr).toEqual([])
    expect(suites.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect({ code, passed }).toEqual({ code: 0, passed: 7 })
    const targets = suites[0]!.checks.find(({ what }) => what === 'targets up')
    expect(targets!.detail).toBe('10 of 10')
    expect(suites[1]!.checks.filter(({ state }) => state === 'not judged').map(({ what }) => what)).toEqual([
      'page load time',
    ])
    // tsx, which starts the examples, keeps what it compiled for the next time.
    expect({ orphans, left: left.filter((name) => !name.startsWith('tsx-')) }).toEqual({ orphans: [], left: [] })
  },
  480_000,
)

test.skipIf(whyMissing('prometheus'))(
  'without Loki and Jaeger what needs them is not judged, and nobody calls that passed',
  async () => {
    const environment = { FIREDRILL_REAL_STACK: '/nowhere' }
    const { stdout, code } = await firedrill(['verify', '--suite', '3', '--suite', '4', '--json'], { environment })
    const { suites, passed } = JSON.parse(stdout) as Verified
    expect(suites.map(({ state }) => state)).toEqual(['not judged', 'not judged'])
    expect({ code, passed }).toEqual({ code: 6, passed: 0 })
  },
  240_000,
)
