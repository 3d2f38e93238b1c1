/** Suite 5: Prometheus has loaded every rule, evaluates each without an error, and knows its Alertmanager. */
import type { RuleGroup } from '../../alerts/load-rules.ts'
import { askJson, eventually } from './ask.ts'
import { type Check, holds, notJudged, type Stack } from './check.ts'

/** The longest interval of a group of the platform is 5 minutes; groups that were not evaluated yet have no health. */
interface Rules {
  readonly data: {
    readonly groups: readonly {
      readonly name: string
      readonly interval: number
      readonly evaluationTime: number
      readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]
    }[]
  }
}

export async function verifyRules({ prometheus, alertmanager }: Stack, groups: readonly RuleGroup[]): Promise<Check[]> {
  const { data } = (await askJson<Rules>(`${prometheus}/api/v1/rules`)).answer
  const loaded = data.groups.flatMap(({ rules }) => rules)
  const expected = groups.flatMap(({ rules }) => rules.map(({ name }) => name))
  const absent = expected.filter((name) => !loaded.some((rule) => rule.name === name))
  const broken = loaded.filter(({ health }) => health === 'err')
  const slow = data.groups.filter(({ evaluationTime, interval }) => evaluationTime > interval)
  const slowest = Math.max(0, ...data.groups.map(({ evaluationTime }) => evaluationTime))
  return [
    holds(
      absent.length === 0 && expected.length > 0,
      'rules loaded',
      `${expected.length - absent.length} of ${expected.length}${absent.length > 0 ? `; not ${absent.join(', ')}` : ''}`,
    ),
    holds(
      broken.length === 0,
      'rules without an error',
      broken.length === 0 ? 'all' : broken.map(({ name, lastError }) => `${name}: ${lastError}`).join('; '),
    ),
    holds(
      slow.length === 0,
      'groups within their interval',
      slow.length === 0 ? `slowest ${(slowest * 1000).toFixed(1)} ms` : slow.map(({ name }) => name).join(', '),
    ),
    alertmanager === undefined
      ? notJudged('Alertmanager', 'none runs here', true)
      : await knowsAlertmanager(prometheus, alertmanager),
  ]
}

async function knowsAlertmanager(prometheus: string, alertmanager: string): Promise<Check> {
  const known = await eventually(
    async () => {
      const { data } = (
        await askJson<{ data: { activeAlertmanagers: readonly { url: string }[] } }>(
          `${prometheus}/api/v1/alertmanagers`,
        )
      ).answer
      return data.activeAlertmanagers[0]?.url
    },
    { withinMs: 15_000 },
  )
  return holds(known !== undefined, 'Alertmanager', known ?? `Prometheus does not send to ${alertmanager}`)
}
