/** `firedrill agent`: the first process of a part's container, which runs the part's own as firedrill up says. */
import { type Command, InvalidArgumentError } from 'commander'
import { exitCodes } from '../drill/exit-codes.ts'
import { startAgentServer } from '../live/agent/agent-server.ts'
import { PartAgent } from '../live/agent/part-agent.ts'
import { agentPort, partNames } from '../live/agent/part-orders.ts'
import { isAddress, isPart } from '../live/agent/read-agents.ts'
import { controlFilePath, readControlFile } from '../live/control-file.ts'
import type { GuardedServer } from '../live/guarded-server.ts'
import { didYouMean } from '../scenario/did-you-mean.ts'
import type { CommandContext } from './context.ts'
import type { Start } from './options.ts'

export interface AgentOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly name?: string
}

/** Defines the command on the command line. */
export function addAgentCommand(program: Command, start: Start): void {
  program
    .command('agent')
    .description('run one part of the platform for firedrill up --agents, which may be in another container')
    .argument('<part>', partNames.join(', '))
    .option('--listen <host:port>', 'where orders are taken; the part listens on the same host', listenAddress, {
      host: '127.0.0.1',
      port: agentPort,
    })
    .option('--name <host>', 'another name of this host, besides that of the part')
    .addHelpText(
      'after',
      `
It starts, freezes, kills and ends the process of its part as the director says: firedrill up --agents. The director's
token is read from the control file (FIREDRILL_CONTROL_FILE), which both must see.

Examples:
  $ firedrill agent backend-api                             orders are taken on 127.0.0.1:${agentPort}
  $ firedrill agent exporters --listen 0.0.0.0:${agentPort}         in a container that is called exporters`,
    )
    .action((part: string, options: AgentOptions) => start((context) => agentCommand(part, options, context)))
}

/** @returns the exit code: 0 when it was asked to end */
export async function agentCommand(part: string, options: AgentOptions, context: CommandContext): Promise<number> {
  const { console, environment } = context
  if (!isPart(part)) {
    console.err(`no part is called "${part}"; ${didYouMean(part, partNames) ?? `there are ${partNames.join(', ')}`}`)
    return exitCodes.invalid.code
  }
  const { host, port } = options.listen
  const agent = new PartAgent({
    part,
    folder: context.temporaryFolder(),
    environment,
    listenHost: host,
    onLine: (line, stream) => (stream === 'stdout' ? console.out(line) : console.err(line)),
    say: (line) => console.err(`agent: ${line}`),
  })
  context.onExit(() => agent.killAll())
  const asked = new Promise<void>((resolve) => context.onInterrupt(async () => resolve()))
  const token = createTokenReader(controlFilePath(environment), (problem) => console.err(`agent: ${problem}`))
  let server: GuardedServer
  try {
    server = await startAgentServer({ host, port, part, name: options.name, agent, token })
  } catch (error) {
    console.err(`the agent can't listen on ${host}:${port}: ${(error as Error).message}`)
    return exitCodes.judge.code
  }
  console.err(`agent: ${part} waits for a director on ${host}:${port}`)
  await asked
  const late = await agent.end()
  server.close()
  if (late) console.err(`${part} did not end within 10 s and was killed`)
  return exitCodes.held.code
}

/** The file may come after us, and a new director writes a new one. What is wrong with it is said once. */
function createTokenReader(path: string, say: (problem: string) => void): () => string | undefined {
  let said = ''
  return () => {
    try {
      return readControlFile(path)?.token
    } catch (error) {
      const { message } = error as Error
      if (message !== said) say(message)
      said = message
      return undefined
    }
  }
}

function listenAddress(text: string): AgentOptions['listen'] {
  if (!isAddress(text)) throw new InvalidArgumentError('It must be host:port, for example 0.0.0.0:8099.')
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
