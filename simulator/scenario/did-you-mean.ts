/** The nearest of the words that would have been right. */
import { distance } from 'fastest-levenshtein'

/** @returns for example `did you mean "ml-engine"?`; undefined when nothing is near */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestOf(word, candidates)
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`
}

/** @returns the candidate that is few letters away, or the only one that contains the word or is contained in it */
export function nearestOf(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 80) return undefined
  const all = [...candidates]
  const wanted = word.toLowerCase()
  let nearest: string | undefined
  let leastDistance = Math.max(1, Math.floor(word.length * 0.4)) + 1
  for (const candidate of all) {
    const steps = distance(wanted, candidate.toLowerCase())
    if (steps < leastDistance) {
      leastDistance = steps
      nearest = candidate
    }
  }
  if (nearest !== undefined || wanted.length < 3) return nearest
  const related = all.filter((candidate) => candidate.toLowerCase().includes(wanted))
  return related.length === 1 ? related[0] : undefined
}
