/** What a live Prometheus is told: the scrape config and the rule files that were read, in the place of what it would look for. */
import { versionOf } from '../judge/prometheus/find-binary.ts'
import type { ServerPlan } from '../live/live-platform.ts'
import type { SetUp } from './set-up.ts'

/** @param binary path of the server */
export async function prometheusPlan(binary: string, { loaded, engine }: SetUp): Promise<ServerPlan> {
  const { config, groups } = loaded!
  return {
    binary,
    version: (await versionOf(binary)) ?? 'unknown',
    config,
    ruleFiles: [...new Set(groups.map(({ file }) => file))],
    groupCount: groups.length,
    parseDuration: (text) => engine.parseDuration(text),
  }
}
