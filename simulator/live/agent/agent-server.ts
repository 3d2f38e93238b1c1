/** The port of an agent: what its part does is said here, and what it shall do. */
import {
  answerJson,
  type GuardedServer,
  Refusal,
  readBody,
  startGuardedServer,
  streamStates,
} from '../guarded-server.ts'
import { type PartAgent, PartOrderError } from './part-agent.ts'
import {
  type Order,
  orderSchema,
  orders,
  type PartName,
  type PartReport,
  runSchema,
  stopSchema,
} from './part-orders.ts'

export interface AgentServerOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  readonly part: PartName
  /** Another name of this host, besides that of the part. */
  readonly name?: string | undefined
  readonly agent: PartAgent
  /** Of the director that there is now. Undefined: there is none, and nobody gets in. */
  token(): string | undefined
}

/** The settings of a platform take some 20 kB. */
const settingsBytesMax = 1_048_576
const orderBytesMax = 1_024

/** @throws Error when the port is taken */
export function startAgentServer({ host, port, part, name, agent, token }: AgentServerOptions): Promise<GuardedServer> {
  return startGuardedServer({
    what: 'the agent',
    host,
    port,
    names: [part, ...(name === undefined ? [] : [name])],
    token,
    async respond(request, response, asked) {
      const [, method, named, order] = /^(GET|POST) \/parts\/([^/]+)(?:\/([a-z]+))?$/.exec(asked) ?? []
      if (named === undefined) throw new Refusal(404, 'there is no such route')
      if (named !== part) throw new Refusal(404, `this agent runs ${part}, not ${named}`)
      if (method === 'GET' && order === undefined) return answerJson(response, agent.report())
      if (method !== 'POST') throw new Refusal(404, 'there is no such route')
      try {
        if (order === 'run') {
          const wanted = await readBody(request, runSchema, settingsBytesMax)
          const leave = await agent.begin(wanted, token() ?? '')
          response.on('close', leave)
          if (response.destroyed) return leave()
          return streamStates<PartReport>(response, (tell) => agent.listen(tell))
        }
        if (order === 'stop') {
          const { withinMs } = await readBody(request, stopSchema, orderBytesMax)
          return answerJson(response, { late: await agent.stop(withinMs) })
        }
        if (!isOrder(order)) throw new Refusal(404, `there is no order "${order}"`)
        await readBody(request, orderSchema, orderBytesMax)
        agent.order(order)
        return answerJson(response, agent.report())
      } catch (error) {
        if (error instanceof PartOrderError) throw new Refusal(409, error.message)
        throw error
      }
    },
  })
}

function isOrder(text: string | undefined): text is Order {
  return (orders as readonly (string | undefined)[]).includes(text)
}
