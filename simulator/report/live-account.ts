/** What a live run shows beside its verdicts: what Alertmanager sent, the virtual world beside it, and what stays unconfirmed. */
import type { DrillResult } from '../drill/drill-result.ts'
import { formatClock } from '../expectations/clock-text.ts'
import type { LiveDrillResult } from '../live/live-drill.ts'

export interface LiveAccount extends Omit<LiveDrillResult, 'result'> {
  /** The same drill in the virtual world; undefined: it was not run. */
  readonly virtual: DrillResult | undefined
}

/** An alert that fired in one world at least, as texts. */
export interface WorldRow {
  readonly alertname: string
  readonly virtual: { readonly firing: string; readonly resolved: string }
  readonly live: { readonly firing: string; readonly resolved: string }
}

export function worldRows(live: DrillResult, virtual: DrillResult): WorldRow[] {
  const first = (interval: readonly [number, number] | null) => (interval ? formatClock(interval[0]) : 'never')
  const whole = (interval: readonly [number, number] | null) =>
    interval ? interval.map(formatClock).join(' to ') : 'never'
  return live.alerts.flatMap((here) => {
    const there = virtual.alerts.find(({ alertname }) => alertname === here.alertname)
    if (!there || !(here.firingAt || there.firingAt)) return []
    return {
      alertname: here.alertname,
      virtual: { firing: whole(there.firingAt), resolved: whole(there.resolvedAt) },
      live: { firing: first(here.firingAt), resolved: first(here.resolvedAt) },
    }
  })
}

/** One message of Alertmanager; `labels` without the name of the alert. */
export interface SentPage {
  /** When the alert fired, or was over. */
  readonly at: string
  readonly status: 'FIRING' | 'RESOLVED'
  readonly alertname: string
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly annotations: readonly (readonly [name: string, text: string])[]
  /** The speed can't confirm it. */
  readonly isDoubtful: boolean
}

/** In the order in which they came; a page that was repeated is there once. */
export function sentPages({ notifications, notConfirmed }: LiveAccount): SentPage[] {
  const pages = new Map<string, SentPage>()
  for (const { status, startsAt, endsAt, labels, annotations } of notifications) {
    const key = JSON.stringify([status, startsAt, labels])
    if (pages.has(key)) continue
    const { alertname = '', ...others } = labels
    pages.set(key, {
      at: formatClock(status === 'firing' ? startsAt : (endsAt ?? startsAt)),
      status: status === 'firing' ? 'FIRING' : 'RESOLVED',
      alertname,
      labels: Object.entries(others),
      annotations: Object.entries(annotations),
      isDoubtful: alertname in notConfirmed,
    })
  }
  return [...pages.values()]
}

/** Names of the alerts that a speed can't confirm, by the reason. */
export function doubtsByReason({ notConfirmed }: Pick<LiveAccount, 'notConfirmed'>): Map<string, string[]> {
  const byReason = new Map<string, string[]>()
  for (const [alertname, reason] of Object.entries(notConfirmed)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), alertname])
  }
  return byReason
}

/** For the terminal. */
export function liveLines(result: DrillResult, account: LiveAccount): string[] {
  const { virtual, speed } = account
  const rows = virtual ? worldRows(result, virtual) : []
  const worlds = rows.map(
    ({ alertname, virtual: there, live: here }) =>
      `  ${alertname.padEnd(27)} virtual ${there.firing}, ${there.resolved}; live ${here.firing}, ${here.resolved}`,
  )
  const doubts = [...doubtsByReason(account)].map(([reason, names]) => `  ${names.join(', ')}: ${reason}`)
  const pages = sentPages(account).flatMap(({ at, status, alertname, labels, annotations, isDoubtful }) => [
    `  ${at} ${status} ${alertname} {${labels.map(([name, value]) => `${name}="${value}"`).join(', ')}}${isDoubtful ? ` (not confirmed at ${speed})` : ''}`,
    ...(status === 'FIRING' && !isDoubtful ? annotations.map(([name, text]) => `        ${name}: ${text}`) : []),
  ])
  return [
    ...(virtual && worlds.length === 0 ? ['', 'Both worlds: nothing fires.'] : []),
    ...(worlds.length > 0 ? ['', 'Both worlds (firing, resolved):', ...worlds] : []),
    ...(doubts.length > 0 ? ['', `Not confirmed at ${speed} (firedrill live without --speed does):`, ...doubts] : []),
    ...(pages.length > 0 ? ['', 'What Alertmanager sent:', ...pages] : ['', 'Alertmanager sent nothing.']),
  ]
}
