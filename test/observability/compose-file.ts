/** docker-compose.yml as Docker Compose reads it: variables filled in, anchors merged. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { packageRoot } from '../../simulator/package-root.ts'

export interface ComposeService {
  readonly image: string
  readonly build?: { readonly context: string }
  readonly profiles?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly privileged?: boolean
  readonly mem_limit?: string
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: unknown
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, { readonly driver_opts?: Readonly<Record<string, string>> } | null>>
}

export const composeText = readFileSync(join(packageRoot(), 'docker-compose.yml'), 'utf8')

/** @param environment of the shell */
export function readCompose(environment: Readonly<Record<string, string>> = {}): ComposeFile {
  return parse(interpolated(composeText, environment), { merge: true }) as ComposeFile
}

/** The services that run our own image, by name. */
export function ownServices({ services }: ComposeFile): [string, ComposeService][] {
  return Object.entries(services).filter(([, { image }]) => image.startsWith('firedrill:'))
}

/** Its name, and the others that the network knows it by. */
export function namesOf(name: string, { networks }: ComposeService): string[] {
  const { stack } = (networks ?? {}) as { stack?: { aliases?: string[] } }
  return [name, ...(stack?.aliases ?? [])]
}

/** `${NAME-default}` for a name that is not set, `${NAME:-default}` also for an empty one. */
function interpolated(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)(?:(:?)-([^}]*))?\}/g, (_, name: string, colon: string, otherwise = '') => {
    const value = environment[name]
    return value === undefined || (colon === ':' && value === '') ? otherwise : value
  })
}
