/** The verdict of a drill in one sentence that somebody who never saw the platform understands. */
import type { AlertEvidence } from '../../drill/drill-evidence.ts'
import type { AlertResult, DrillResult, Interval } from '../../drill/drill-result.ts'
import { formatDuration } from '../../expectations/clock-text.ts'

export function headline(result: DrillResult, explained: readonly AlertEvidence[]): string {
  const { verdict, alerts, notes } = result
  switch (verdict) {
    case 'steady state did not hold':
      return `Something was wrong before anything was broken: ${result.steady!.detail}. The drill says nothing about the alerts.`
    case 'fault had no effect': {
      const idle = result.effects.find(({ ok }) => !ok)!
      return `The fault "${idle.event}" changed nothing that could be seen, so the alerts were not put to the test.`
    }
    case 'rule can never fire': {
      const dead = alerts.find(({ ok, detail }) => !ok && detail.startsWith('can never fire'))!
      return `${dead.alertname} can never fire with this scrape configuration: ${dead.detail.replace(/^can never fire: /, '')}.`
    }
    case 'expectation failed':
      return failedHeadline(result, explained)
    case 'held':
      return heldHeadline(result)
    default:
      return `The drill came to no verdict (${verdict}): ${notes[0] ?? 'no reason is known'}.`
  }
}

function failedHeadline({ alerts, panels, logs, traces }: DrillResult, explained: readonly AlertEvidence[]): string {
  const failed = alerts.filter(({ ok }) => !ok)
  const [first] = failed
  if (!first) {
    const [panel] = panels.filter(({ ok }) => !ok)
    if (panel) return `The alerts did what they should, but the panel "${panel.panel}" did not: ${panel.detail}.`
    const missed = [...logs, ...traces].find(({ ok }) => !ok)
    return `The alerts did what they should, but something else did not: ${missed ? `${missed.what}: ${missed.detail}` : 'see below'}.`
  }
  const others = failed.length > 1 ? ` ${failed.length - 1} more failed.` : ''
  const answer = explained.find(({ alertname }) => alertname === first.alertname)?.answer
  if (first.expected === 'fires' && first.firingAt === null) {
    const reason = answer?.replaceAll('`', '').replace(/^It (did not|could not) fire(: | )/, '') ?? `${first.detail}.`
    return `${first.alertname} should have paged and did not: ${reason}${others}`
  }
  if (first.expected === 'fires') return `${first.alertname} paged, but not as it should: ${first.detail}.${others}`
  if (first.firingAt) return `${first.alertname} paged although it should have been ${first.expected}.${others}`
  return `${first.alertname}: ${first.detail}.${others}`
}

function heldHeadline(result: DrillResult): string {
  const { alerts, events } = result
  const fired = alerts.filter(({ expected, ok }) => expected === 'fires' && ok)
  const quiet = alerts.filter(({ expected }) => expected === 'silent' || expected === 'pending-only').length
  const rest =
    quiet > 0 ? ` ${quiet === 1 ? 'The other alert' : `All ${quiet} other alerts`} stayed quiet, as they should.` : ''
  if (fired.length === 0) {
    const pending = alerts.filter(({ expected }) => expected === 'pending-only').map(({ alertname }) => alertname)
    if (pending.length > 0)
      return `${joined(pending)} noticed the fault and rightly did not page. Nothing else did either.`
    return events.length === 0
      ? `Nothing was broken and nothing paged: all ${quiet} alerts stayed quiet.`
      : `Something broke, but not badly enough to wake anybody: all ${quiet} alerts stayed quiet, as they should.`
  }
  const [first] = fired
  const after = fired.length === 1 ? delayAfterFault(first!, result) : ''
  const cleared = fired.every(({ resolvedAt }) => resolvedAt !== null) ? ', and cleared once the fault was over' : ''
  const names = joined(fired.map(({ alertname }) => alertname))
  return `${names} paged${after}${after === '' ? ' ' : ', '}as ${fired.length === 1 ? 'it' : 'they'} should${cleared}.${rest}`
}

/** @returns for example ` 14m10s to 15m5s after the fault began` */
function delayAfterFault({ firingAt }: AlertResult, { events }: DrillResult): string {
  const before = events.filter(({ startS }) => startS <= firingAt![0])
  if (before.length === 0) return ''
  const cause = before.at(-1)!.startS
  return ` ${durationRange([firingAt![0] - cause, firingAt![1] - cause])} after the fault began`
}

/** @param seconds from, to */
export function durationRange([from, to]: Interval): string {
  return from === to ? formatDuration(from * 1000) : `${formatDuration(from * 1000)} to ${formatDuration(to * 1000)}`
}

export function joined(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
