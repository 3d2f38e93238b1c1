/** Every exit code of the command line, and which one wins when several drills end differently. */
import type { Verdict } from './drill-result.ts'

export const exitCodes = {
  held: { code: 0, meaning: 'all expectations held' },
  failed: { code: 1, meaning: 'an expectation failed' },
  invalid: { code: 2, meaning: 'invalid input or usage' },
  steady: { code: 3, meaning: 'the steady state did not hold before the fault' },
  noEffect: { code: 4, meaning: 'a fault had no effect' },
  unreachable: { code: 5, meaning: 'a rule can never fire, a panel can never show data, or an expectation is vacuous' },
  judge: { code: 6, meaning: 'the judge (or a live part) could not be reached or did not answer' },
  finding: { code: 7, meaning: 'a finding at or above --fail-on, or a share of coverage or score below --fail-under' },
  bug: { code: 70, meaning: 'our own bug; the seed and the command to repeat are printed' },
  interrupted: { code: 130, meaning: 'interrupted' },
} as const

const precedence = [70, 2, 6, 3, 4, 5, 1, 7, 0]

/** @returns the code that wins */
export function worstExitCode(codes: Iterable<number>): number {
  const occurred = new Set(codes)
  if (occurred.has(exitCodes.interrupted.code)) return exitCodes.interrupted.code
  return precedence.find((code) => occurred.has(code)) ?? 0
}

export function exitCodeOf(verdict: Verdict): number {
  return codeOfVerdict[verdict].code
}

const codeOfVerdict: Readonly<Record<Verdict, { readonly code: number }>> = {
  held: exitCodes.held,
  'expectation failed': exitCodes.failed,
  invalid: exitCodes.invalid,
  'steady state did not hold': exitCodes.steady,
  'fault had no effect': exitCodes.noEffect,
  'rule can never fire': exitCodes.unreachable,
  'panel can never show data': exitCodes.unreachable,
  'judge did not answer': exitCodes.judge,
  'internal error': exitCodes.bug,
  interrupted: exitCodes.interrupted,
}
