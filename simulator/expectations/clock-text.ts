/** Times of a drill as people read them. */

/** @param s seconds since the start of the drill @returns `34:05`, or `1:04:05` from an hour on */
export function formatClock(s: number): string {
  const whole = Math.round(s)
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const two = (part: number) => String(part).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${two(minutes)}:${two(whole % 60)}`
}

/** @returns `34:05 to 35:00`, or one time when both are the same */
export function formatInterval([from, to]: readonly [number, number]): string {
  return from === to ? formatClock(from) : `${formatClock(from)} to ${formatClock(to)}`
}

/** @returns for example `4m30s`, `1h`, `250ms`, `-30s` */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 1000) return ms === 0 ? '0s' : `${Math.round(ms)}ms`
  const whole = Math.round(ms / 1000)
  const parts = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'm'],
    [whole % 60, 's'],
  ] as const
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('')
}
