/** One question to a server that speaks JSON: answered, refused, or nobody there. */
import type { Dashboard } from '../dashboards/dashboard.ts'
import { JudgeError } from '../judge/judge.ts'

export interface Servers {
  /** Base address, for example `http://localhost:3100`. */
  readonly loki?: string | undefined
  readonly jaeger?: string | undefined
  /** Whose panels for these servers are judged. */
  readonly dashboards?: readonly Dashboard[] | undefined
}

export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>

const timeoutMs = 30_000

/** The server answered, but not this question. */
export class RefusedError extends JudgeError {
  override readonly name = 'RefusedError'
}

export async function askJson(name: string, address: URL, fetchUrl: Fetch): Promise<unknown> {
  let response: Response
  try {
    response = await fetchUrl(address.href, { signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    throw new JudgeError(`${name} at ${address.origin} can't be reached: ${cause}`)
  }
  const text = await response.text()
  if (!response.ok) {
    const message = `${name} at ${address.origin} answers ${response.status}: ${text.trim().slice(0, 200)}`
    throw response.status === 400 ? new RefusedError(message) : new JudgeError(message)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new JudgeError(`${name} at ${address.origin} gives no JSON; is this its address?`)
  }
}

export function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
