/** Durations as people write them (`250ms`, `2m30s`, `1h`), in milliseconds. */

const unitsMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** @returns milliseconds, or undefined when the text is no duration. A leading minus is allowed. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(-?)((?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d|w))+)$/.exec(text)
  if (!match) return undefined
  let totalMs = 0
  for (const [, amount, unit] of match[2]!.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)/g)) {
    totalMs += Number(amount) * unitsMs[unit!]!
  }
  return match[1] === '-' ? -totalMs : totalMs
}

/** The shortest exact writing: 90000 becomes `1m30s`. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 0) return `-${formatDurationMs(-ms)}`
  let rest = Math.round(ms * 1000) / 1000
  let text = ''
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / unitsMs[unit]!)
    if (count > 0) text += `${count}${unit}`
    rest -= count * unitsMs[unit]!
  }
  rest = Math.round(rest * 1000) / 1000
  return rest > 0 ? `${text}${rest}ms` : text
}
