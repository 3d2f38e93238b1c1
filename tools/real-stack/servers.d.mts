export const cacheFolder: string
export const binFolder: string
export const kafkaFolder: string
export interface RealServer {
  readonly name: string
  readonly how: 'go' | 'go-module' | 'maven' | 'debian'
  readonly version?: string
}
export const servers: readonly RealServer[]
/** @returns undefined when the server is here in this version, else why it is not */
export function missing(server: RealServer): string | undefined
export function onPath(program: string): boolean
