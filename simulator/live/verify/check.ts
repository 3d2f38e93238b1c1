/** One check of a suite: what was looked at, the figure, the limit, and whether it held. */

export type State = 'passed' | 'failed' | 'not judged'

export interface Check {
  readonly what: string
  readonly state: State
  /** What was measured, with its limit, or why it was not. */
  readonly detail: string
  /** A suite passes without it: nothing on this machine can answer it. */
  readonly optional?: boolean
}

export interface Suite {
  /** From 1, as docs/testing-guide.md counts them. */
  readonly number: number
  readonly name: string
  readonly state: State
  readonly checks: readonly Check[]
}

/** Where the parts of the stack that is verified answer: base addresses. */
export interface Stack {
  readonly backendApi: string
  readonly prometheus: string
  readonly alertmanager: string | undefined
  readonly loki: string | undefined
  readonly jaeger: string | undefined
  /** Takes the cache server away, and gives it back; undefined where nobody lets us. */
  readonly outage: { begin(): void; end(): void } | undefined
}

/** Nothing answered, or not in time. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

export function passed(what: string, detail: string): Check {
  return { what, state: 'passed', detail }
}

export function failed(what: string, detail: string): Check {
  return { what, state: 'failed', detail }
}

export function notJudged(what: string, detail: string, optional = false): Check {
  return { what, state: 'not judged', detail, optional }
}

export function holds(ok: boolean, what: string, detail: string): Check {
  return ok ? passed(what, detail) : failed(what, detail)
}

/** @param limitMs exclusive */
export function below(what: string, ms: number, limitMs: number, of = ''): Check {
  return holds(ms < limitMs, what, `${formatMs(ms)}${of && ` (${of})`}, limit ${formatMs(limitMs)}`)
}

function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 2)} s`
  return `${ms.toFixed(ms >= 10 || Number.isInteger(ms) ? 0 : 1)} ms`
}

/** A suite that could not be asked has failed: the part is there, and does not do what it is for. */
export async function runSuite(number: number, name: string, run: () => Promise<readonly Check[]>): Promise<Suite> {
  let checks: readonly Check[]
  try {
    checks = await run()
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    checks = [failed('answers', error.message)]
  }
  const states = checks.filter(({ optional }) => !optional).map(({ state }) => state)
  const state = states.includes('failed') ? 'failed' : states.includes('not judged') ? 'not judged' : 'passed'
  return { number, name, state, checks }
}
