/**
 * Where scrapes and evaluations may lie. A real server gives each target and each group an offset that nobody knows.
 * Scrapes lie half way between multiples of the lattice, evaluations on multiples: so no evaluation coincides with a scrape
 * (where Prometheus 2 and 3 would count differently), and one offset for each multiple stands for all between two scrapes.
 */

/** @returns the greatest common divisor of all intervals, milliseconds */
export function latticeOf(intervalsMs: readonly number[]): number {
  return intervalsMs.reduce((a, b) => greatestCommonDivisor(a, b), 0) || 1_000
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
