/** Which servers of a running stack answer as what they are: `firedrill up` has stand-ins where no real server was named. */
import { askJson } from './ask.ts'
import { type Stack, Unanswered } from './check.ts'

const paths = { loki: '/loki/api/v1/labels', jaeger: '/api/services' } as const

/**
 * @param assumed parts that nobody named: they are looked for where the documents say that they are
 * @returns the stack without those that are not there, and a sentence for each
 */
export async function withoutAbsent(
  stack: Stack,
  assumed: readonly (keyof typeof paths)[],
): Promise<{ readonly stack: Stack; readonly notes: readonly string[] }> {
  const absent = new Map<keyof typeof paths, string>()
  for (const part of assumed) {
    const url = stack[part]
    if (url === undefined) continue
    try {
      await askJson(url + paths[part])
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      absent.set(part, error.message)
    }
  }
  const { loki, jaeger } = stack
  return {
    stack: {
      ...stack,
      loki: absent.has('loki') ? undefined : loki,
      jaeger: absent.has('jaeger') ? undefined : jaeger,
    },
    notes: [...absent].map(([part, why]) => `no ${names[part]} answers, so what needs it is not judged: ${why}`),
  }
}

const names = { loki: 'Loki', jaeger: 'Jaeger' } as const
