/**
 * What is wrong with a process just now. Whoever controls faults sends the whole state whenever it changes, so a process
 * that was restarted, or missed a message, is told everything again.
 */
import { request } from 'node:http'
import type { Container } from '../../infrastructure/container.ts'
import type { FaultTable } from '../fault-table.ts'
import type { FaultEffect } from '../ports.ts'
import type { LinkState, Links } from './links.ts'

/** State of a service. */
export interface ServiceState {
  readonly injections: readonly PlainInjection[]
  /** By the name of the part that is called. */
  readonly links: Readonly<Record<string, LinkState>>
  readonly container: ContainerState
}

export interface ContainerState {
  readonly leakBytesPerSecond: number
  readonly stolenShare: number
}

/** An injection as it travels: its functions have been asked. */
export interface PlainInjection {
  readonly id: number
  readonly service: string
  readonly point: string
  readonly where: Readonly<Record<string, string | readonly string[]>>
  readonly ratio: number
  readonly spread: 'random' | 'even'
  readonly effect: FaultEffect
}

/** @returns applies a state: only what differs from the one before is touched */
export function createStateApplier(
  faults: FaultTable,
  links: Pick<Links, 'set'>,
  container: Pick<Container, 'leak' | 'stealCpu'>,
): (state: ServiceState) => void {
  const active = new Map<number, { current: PlainInjection; remove(): void }>()
  let before: ContainerState = { leakBytesPerSecond: 0, stolenShare: 0 }
  return ({ injections, links: linkStates, container: next }) => {
    for (const injection of injections) {
      const known = active.get(injection.id)
      if (known) {
        known.current = injection
        continue
      }
      const entry = { current: injection, remove() {} }
      const { service, point, where, spread } = injection
      entry.remove = faults.add({
        service,
        point,
        where,
        spread,
        ratio: () => entry.current.ratio,
        effect: () => entry.current.effect,
      })
      active.set(injection.id, entry)
    }
    const wanted = new Set(injections.map(({ id }) => id))
    for (const [id, entry] of active) {
      if (wanted.has(id)) continue
      entry.remove()
      active.delete(id)
    }
    links.set(linkStates)
    if (next.leakBytesPerSecond !== before.leakBytesPerSecond) container.leak(next.leakBytesPerSecond)
    if (next.stolenShare !== before.stolenShare) container.stealCpu(next.stolenShare)
    before = next
  }
}

export interface Subscription<State> {
  readonly address: string
  readonly token: string
  readonly process: string
  /** How many processes of this name there were before: whoever controls knows by it who may begin. */
  readonly life: number
  onState(state: State): void
  /** The controller is gone. */
  onEnd(): void
}

/**
 * Listens to the controller: each line is a whole state. Resolves when the first one has been applied.
 * @throws Error when the controller can't be reached or refuses
 */
export function subscribe<State>({
  address,
  token,
  process,
  life,
  onState,
  onEnd,
}: Subscription<State>): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = `http://${address}/processes/${process}/state?life=${life}`
    const outgoing = request(url, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
      if (answer.statusCode !== 200) {
        reject(new Error(`the control port answered ${answer.statusCode}`))
        answer.resume()
        return
      }
      let rest = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()!
        for (const line of lines) if (line !== '') onState(JSON.parse(line) as State)
        if (lines.length > 0) resolve()
      })
      answer.on('error', () => {})
      answer.on('close', onEnd)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
