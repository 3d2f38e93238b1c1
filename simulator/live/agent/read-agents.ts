/** Reads `--agents backend-api=host:port,...`. */
import { didYouMean } from '../../scenario/did-you-mean.ts'
import { type PartName, partNames } from './part-orders.ts'
import type { AgentAddresses } from './remote-parts.ts'

/** @returns every problem at once, or the agents: of all parts, because a part elsewhere can't reach one that is here */
export function readAgents(text: string): { agents: AgentAddresses; problems: string[] } {
  const problems: string[] = []
  const agents: Partial<Record<PartName, string>> = {}
  for (const entry of text.split(',')) {
    const [part = '', address = ''] = entry.split('=').map((piece) => piece.trim())
    if (!isPart(part)) {
      const hint = didYouMean(part, partNames)
      problems.push(
        `--agents: no part is called "${part}"${hint ? `; ${hint}` : `; there are ${partNames.join(', ')}`}`,
      )
    } else if (agents[part] !== undefined) problems.push(`--agents names two agents of ${part}`)
    else if (!isAddress(address)) problems.push(`--agents: ${part}=host:port is needed, not "${entry}"`)
    if (isPart(part)) agents[part] ??= address
  }
  for (const part of partNames) if (agents[part] === undefined) problems.push(`--agents names no agent of ${part}`)
  return { agents: agents as AgentAddresses, problems }
}

export function isPart(text: string): text is PartName {
  return (partNames as readonly string[]).includes(text)
}

/** `host:port`, the host a name or an IPv4 address. */
export function isAddress(text: string): boolean {
  const [, port] = /^[A-Za-z0-9][A-Za-z0-9.-]*:(\d{1,5})$/.exec(text) ?? []
  return port !== undefined && Number(port) > 0 && Number(port) < 65_536
}
