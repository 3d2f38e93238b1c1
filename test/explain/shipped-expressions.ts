/** The expressions of the alerts that come with Firedrill. */
import { shippedSetup } from '../drill/run-scenario.ts'

export async function shippedExpressions(): Promise<string[]> {
  const { groups } = await shippedSetup()
  return groups.flatMap(({ rules }) => rules.map(({ expression }) => expression))
}
