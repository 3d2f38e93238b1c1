/** When requests arrive: an open model, so arrivals do not wait for answers. Stages with ramps, and the curve of a day. */
import type { LoadStage } from '../scenario/scenario.ts'

/** Load of an hour of the day relative to the mean, from -1 to 1: quiet at four in the morning, busy at eight in the evening. */
const hourOfDay = [
  -0.55, -0.75, -0.9, -0.98, -1, -0.92, -0.7, -0.35, 0.05, 0.35, 0.5, 0.55, 0.55, 0.5, 0.45, 0.45, 0.5, 0.62, 0.8, 0.95,
  1, 0.85, 0.45, -0.1,
] as const

/**
 * @param atMs since the start of the drill
 * @param startMs Unix time of the start of the drill, milliseconds
 * @returns requests a second
 */
export function requestsPerSecondAt(stages: readonly LoadStage[], atMs: number, startMs: number): number {
  const stage = stages.find((candidate) => atMs < candidate.endMs) ?? stages.at(-1)
  if (!stage) return 0
  const share = Math.min(1, (atMs - stage.startMs) / (stage.endMs - stage.startMs))
  const perSecond = stage.fromPerSecond + (stage.toPerSecond - stage.fromPerSecond) * share
  return perSecond * (1 + stage.daily * dailyCurve(startMs + atMs))
}

/** From -1 to 1, straight lines between the hours (UTC). */
export function dailyCurve(unixMs: number): number {
  const hours = (unixMs / 3_600_000) % 24
  const hour = Math.floor(hours)
  const from = hourOfDay[hour]!
  const to = hourOfDay[(hour + 1) % 24]!
  return from + (to - from) * (hours - hour)
}
