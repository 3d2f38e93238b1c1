/** An expectation that can't fail proves nothing: without the faults, each scenario's alerts do not do what is expected. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LoadedSetup } from '../../simulator/drill/drill-setup.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { AlertExpected, Drill } from '../../simulator/scenario/scenario.ts'
import { runShipped, shippedDrill, shippedSetup } from './run-scenario.ts'

const scenarios = readdirSync(join(packageRoot(), 'scenarios'))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => shippedDrill(name.replace('.yaml', '')))
/** The long ones have a twin without faults, which `--tag long` runs. */
const breaking = scenarios.filter(({ events, tags }) => events.length > 0 && !tags.includes('long'))
const raising = breaking.filter((drill) => positiveOf(drill).length > 0)

let setup: LoadedSetup
beforeAll(async () => {
  setup = await shippedSetup()
})

describe('without its faults, what a scenario expects of its alerts does not happen', () => {
  test.each(raising.map((drill) => [drill.name, drill] as const))('%s', async (_, drill) => {
    const positive = positiveOf(drill)
    const names = positive.map(([name]) => name)
    const groups = setup.groups.filter(({ rules }) => rules.some(({ name }) => names.includes(name)))
    const { alerts, verdict } = await runShipped(withoutFaults(drill, positive), { ...setup, groups })
    for (const [name] of positive) {
      const alert = alerts.find(({ alertname }) => alertname === name)!
      expect(alert, `${name}: ${alert.detail}`).toMatchObject({ ok: false, firingAt: null })
      expect(alert.detail).toMatch(/never fires|never pending/)
    }
    expect(verdict).toBe('expectation failed')
  })
})

test('a scenario that raises no alert expects a panel to move', () => {
  for (const { name, expect: expected } of breaking.filter((drill) => !raising.includes(drill))) {
    expect(JSON.stringify(expected.panels), name).toMatch(/"moves":"(up|down)"/)
  }
})

/** The alerts that something is expected of. */
function positiveOf({ expect: { alerts } }: Drill): (readonly [string, AlertExpected])[] {
  return Object.entries(alerts).filter(([, { kind }]) => kind === 'fires' || kind === 'pending-only')
}

/** No longer than until the last alert should have fired. */
function withoutFaults(drill: Drill, positive: readonly (readonly [string, AlertExpected])[]): Drill {
  const firingMs = positive.map(([, expected]) => (expected.kind === 'fires' ? expected.firing[1] : 0))
  const lastEventMs = Math.max(...drill.events.map(({ startMs }) => startMs))
  const lengthMs = Math.min(drill.lengthMs, Math.max(lastEventMs + 120_000, ...firingMs.map((ms) => ms + 60_000)))
  const expectations = { ...drill.expect, logs: [], traces: [], panels: [] }
  return { ...drill, twin: 'without-faults', lengthMs, events: [], steady: undefined, expect: expectations }
}
