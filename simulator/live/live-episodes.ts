/**
 * What the rules did in a live run, in the shape that the expectations judge: pending as Prometheus recorded it (`ALERTS`),
 * firing and resolved as Alertmanager told it. What Prometheus says fired and nobody was told of has not fired.
 */
import type { Episode, RuleEvaluation } from '../alerts/evaluate.ts'
import type { RuleGroup } from '../alerts/load-rules.ts'
import type { Labels } from '../judge/judge.ts'
import type { Notification } from './webhook-receiver.ts'

/** One series of `ALERTS`: when it was there. */
export interface RecordedAlert {
  readonly labels: Labels
  readonly state: 'pending' | 'firing'
  /** Unix milliseconds of the machine, in order. */
  readonly timesMs: readonly number[]
}

export interface LiveEvidence {
  readonly groups: readonly RuleGroup[]
  readonly notifications: readonly Notification[]
  readonly recorded: readonly RecordedAlert[]
  readonly recordedStepMs: number
  /** Not part of an alert's own labels. */
  readonly externalLabels: Labels
  /** From the machine's time to milliseconds since the start of the drill. */
  toDrillMs(unixMs: number): number
}

export interface LiveEpisodes {
  readonly evaluations: readonly RuleEvaluation[]
  /** Alerts that fired by Prometheus's own record, and of which Alertmanager told nobody. */
  readonly untold: readonly Labels[]
}

export function liveEpisodes(evidence: LiveEvidence): LiveEpisodes {
  const { groups, toDrillMs } = evidence
  const told = new Map<string, Episode>()
  for (const { status, labels: sent, annotations, startsAtMs, endsAtMs } of evidence.notifications) {
    const labels = withoutKeys(sent, Object.keys(evidence.externalLabels))
    const key = keyOf(labels)
    // Alertmanager repeats itself; the same start is the same episode.
    const episodeKey = `${key} ${startsAtMs}`
    const firingAtMs = toDrillMs(startsAtMs)
    const known = told.get(episodeKey)
    const resolvedAtMs = status === 'resolved' ? toDrillMs(endsAtMs) : known?.resolvedAtMs
    told.set(episodeKey, {
      key,
      labels,
      annotations: known?.annotations ?? annotations,
      pendingAtMs: firingAtMs,
      firingAtMs,
      resolvedAtMs,
      sampleLabels: labels,
      value: Number.NaN,
    })
  }
  const episodes = [...told.values()]
  const untold: Labels[] = []
  for (const span of recordedSpans(evidence)) {
    const key = keyOf(span.labels)
    const same = episodes.filter((episode) => episode.key === key)
    if (span.state === 'firing') {
      if (same.length === 0) untold.push(span.labels)
      continue
    }
    // Pending ends with firing, at most one evaluation later, or with nothing.
    const next = same.find(
      ({ firingAtMs }) => firingAtMs! >= span.fromMs && firingAtMs! <= span.toMs + 2 * span.stepMs + span.intervalMs,
    )
    if (next) replace(episodes, next, { ...next, pendingAtMs: Math.min(next.pendingAtMs, span.fromMs) })
    else {
      episodes.push({
        key,
        labels: span.labels,
        // Nobody is told of what is only pending, so there is no text.
        annotations: {},
        pendingAtMs: span.fromMs,
        firingAtMs: undefined,
        resolvedAtMs: span.toMs,
        sampleLabels: span.labels,
        value: Number.NaN,
      })
    }
  }
  const evaluations = groups.flatMap((group) =>
    group.rules
      .filter(({ kind }) => kind === 'alerting')
      .map((rule): RuleEvaluation => {
        const own = episodes
          .filter(({ labels }) => labels.alertname === rule.name && hasLabels(labels, rule.labels))
          .sort((a, b) => a.pendingAtMs - b.pendingAtMs)
        return {
          rule,
          group,
          notJudged: undefined,
          offsets: [{ offsetMs: 0, episodes: own }],
          // A real server does not keep what an expression gave while it was not true.
          everTrue: own.length > 0,
          failures: [],
        }
      }),
  )
  return { evaluations, untold }
}

interface Span {
  readonly labels: Labels
  readonly state: 'pending' | 'firing'
  readonly fromMs: number
  readonly toMs: number
  readonly stepMs: number
  readonly intervalMs: number
}

/** A recorded series, cut where it was absent. */
function recordedSpans({ recorded, recordedStepMs, groups, toDrillMs }: LiveEvidence): Span[] {
  const stepMs = toDrillMs(recordedStepMs) - toDrillMs(0)
  return recorded.flatMap(({ labels, state, timesMs }) => {
    const intervalMs = groups.find(({ rules }) => rules.some(({ name }) => name === labels.alertname))?.intervalMs ?? 0
    const spans: Span[] = []
    let from = 0
    for (let i = 1; i <= timesMs.length; i += 1) {
      if (i < timesMs.length && timesMs[i]! - timesMs[i - 1]! <= recordedStepMs * 1.5) continue
      const [fromMs, toMs] = [toDrillMs(timesMs[from]!), toDrillMs(timesMs[i - 1]!)]
      spans.push({ labels, state, fromMs, toMs, stepMs, intervalMs })
      from = i
    }
    return spans
  })
}

function replace(episodes: Episode[], old: Episode, next: Episode): void {
  episodes[episodes.indexOf(old)] = next
}

/** Labels with a template are not compared: their text differs from the rule's. */
function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => value.includes('{{') || labels[name] === value)
}

function withoutKeys(labels: Labels, keys: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !keys.includes(name)))
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
