/** The threshold that the text of an alert states, in the unit of its expression: "(threshold 5%)" says 0.05. */

export interface StatedNumber {
  readonly value: number
  /** As it stands in the text. */
  readonly text: string
}

const multipliers: Readonly<Record<string, number>> = {
  '%': 0.01,
  ms: 0.001,
  s: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  k: 1000,
  M: 1_000_000,
  G: 1_000_000_000,
}

/** Words that stand before the number that is meant. Others, as in "over the last 5 minutes", are no thresholds. */
const introductions = /\b(?:threshold|limit|more than|less than|above|below|exceeds|under|over)\s*(?:of|is|:|=)?\s*/gi

/** @param templates annotations, before they are rendered @returns undefined when no text states a number */
export function statedThreshold(templates: readonly string[]): StatedNumber | undefined {
  const stated = templates.flatMap((template) => {
    // What a template renders is the value, not the threshold.
    const text = template.replaceAll(/\{\{.*?\}\}/gs, ' ')
    return [...text.matchAll(introductions)].flatMap((match) => {
      const number = numberAt(text.slice(match.index + match[0].length))
      return number ? [{ ...number, word: match[0].trim().toLowerCase() }] : []
    })
  })
  const best = stated.find(({ word }) => word.startsWith('threshold')) ?? stated.find(({ word }) => word !== 'over')
  return best && { value: best.value, text: best.text }
}

function numberAt(text: string): StatedNumber | undefined {
  const match = /^(\d[\d,]*(?:\.\d+)?)(?:\s?(%|ms|seconds?|minutes?|min|hours?|days?|[smhdkMG])(?![a-zA-Z]))?/.exec(
    text,
  )
  if (!match) return undefined
  const value = Number(match[1]!.replaceAll(',', ''))
  const multiplier = match[2] === undefined ? 1 : multipliers[match[2]]!
  // 5 * 0.01 is not quite 0.05.
  return { value: Number((value * multiplier).toPrecision(12)), text: match[0] }
}
