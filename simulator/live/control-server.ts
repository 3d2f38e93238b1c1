/** The control port: faults by hand, and the states that the processes listen to. */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { durationSchema, ratioSchema } from '../../services/runtime/schema-types.ts'
import { type FaultBoard, FaultRequestError } from './fault-board.ts'
import {
  answerJson,
  type GuardedServer,
  Refusal,
  readBody,
  startGuardedServer,
  streamStates,
  tokenLengthMin,
} from './guarded-server.ts'
import type { AnyState, PlatformState } from './platform-state.ts'

export interface ControlServerOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Names that the Host header may have besides the address and those of this machine. */
  readonly names?: readonly string[]
  /** Undefined is only for tests that it does not start then. */
  readonly token: string | undefined
  readonly board: FaultBoard
  readonly state: PlatformState
}

export interface ControlServer extends GuardedServer {
  /** A process that listens hears that nobody controls it any more, and ends. */
  disconnect(process: string): void
}

const bodyBytesMax = 16_384

const injectSchema = z.strictObject({
  fault: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
  severity: ratioSchema.optional(),
  hold: durationSchema.optional(),
})
const healSchema = z.union([z.strictObject({ id: z.string() }), z.strictObject({ all: z.literal(true) })])

/** @throws Error when it has no token, or the port is taken */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { host, port, names, token, board, state } = options
  if (token === undefined || token.length < tokenLengthMin) {
    throw new Error(`the control port does not start on ${host} without a token`)
  }
  const listening = new Map<string, Set<ServerResponse>>()
  const server = await startGuardedServer({
    what: 'the control port',
    host,
    port,
    ...(names && { names }),
    token: () => token,
    async respond(request, response, asked, query) {
      const process = /^GET \/processes\/([a-z-]+)\/state$/.exec(asked)?.[1]
      if (process !== undefined && state.isProcess(process)) {
        const responses = listening.get(process) ?? new Set()
        listening.set(process, responses.add(response))
        response.on('close', () => responses.delete(response))
        const life = Number(query.get('life') ?? 0)
        return streamStates<AnyState>(response, (tell) => state.listen(process, tell, life))
      }
      switch (asked) {
        case 'GET /faults':
          return answerJson(response, { faults: board.list() })
        case 'POST /faults/inject': {
          const { fault, params, severity, hold } = await readBody(request, injectSchema, bodyBytesMax)
          try {
            return answerJson(response, { fault: board.inject({ fault, params, severity, holdMs: hold }, 'hand') })
          } catch (error) {
            if (error instanceof FaultRequestError) throw new Refusal(422, error.message)
            throw error
          }
        }
        case 'POST /faults/heal': {
          const wanted = await readBody(request, healSchema, bodyBytesMax)
          if ('all' in wanted) return answerJson(response, { healed: board.healAll('hand') })
          const healed = board.heal(wanted.id, 'hand')
          if (!healed) throw new Refusal(404, `no fault has the id "${wanted.id}"`)
          return answerJson(response, { healed: [healed] })
        }
      }
      throw new Refusal(404, 'there is no such route')
    },
  })
  return {
    ...server,
    disconnect: (process) => {
      for (const response of listening.get(process) ?? []) response.destroy()
    },
  }
}
