/**
 * What docker-compose.yml starts of our own, without a container engine: each container's command as a process with an
 * address of its own. Names are resolved here, a volume is a folder, and the address stands for the container's network.
 * What that can't see: the limits of a container, its file system, and its user.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtCommand } from '../cli/built-command.ts'
import { processesNaming } from '../cli/run-command.ts'
import { type ComposeService, namesOf, ownServices, readCompose } from '../observability/compose-file.ts'

export interface Container {
  readonly name: string
  /** Of the loopback network. */
  readonly address: string
  readonly child: ChildProcess
  /** What it wrote so far on both streams. */
  output(): string
  /** As `docker compose exec NAME ...`. */
  exec(words: readonly string[]): Promise<{ code: number; text: string }>
  /** Carries out the health check. */
  isHealthy(): Promise<boolean>
  /** Ends it and starts it again, as the engine does with one that died. */
  restart(): void
  readonly ended: Promise<number | null>
}

export interface ComposedPlatform {
  readonly containers: Readonly<Record<string, Container>>
  /** Address of the container that has this name on the network. @throws Error when there is none */
  addressOf(name: string): string
  /** Processes of any container that still run. */
  processes(): number[]
  /** Kills what is left. */
  remove(): void
}

export interface ComposeOptions {
  /** Of the shell that calls `docker compose up`. */
  readonly environment: Readonly<Record<string, string>>
  /** Addresses of containers that are not ours, `loki:3100` for example, and where they are here. */
  readonly foreign: Readonly<Record<string, string>>
}

export async function composeUp({ environment, foreign }: ComposeOptions): Promise<ComposedPlatform> {
  const command = await builtCommand()
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-compose-'))
  const own = ownServices(readCompose(environment))
  // No other run has this network: each has a process id of its own.
  const network = `127.${100 + ((process.pid >> 8) % 100)}.${process.pid % 256}`
  const addresses = new Map<string, string>()
  own.forEach(([name, service], i) => {
    for (const known of namesOf(name, service)) addresses.set(known, `${network}.${i + 2}`)
  })
  const containers: Record<string, Container> = {}
  for (const [name, service] of own) {
    containers[name] = startContainer(name, service, { command, folder, addresses, foreign })
  }
  return {
    containers,
    addressOf(name) {
      const address = addresses.get(name)
      if (address === undefined) throw new Error(`no container of ours is called ${name}`)
      return address
    },
    processes: () => processesNaming(folder),
    remove() {
      for (const { child } of Object.values(containers)) child.kill('SIGKILL')
      for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Surroundings {
  /** Of the image: its entry point is `firedrill`. */
  readonly command: string
  readonly folder: string
  readonly addresses: ReadonlyMap<string, string>
  readonly foreign: ComposeOptions['foreign']
}

function startContainer(name: string, service: ComposeService, { command, folder, addresses, foreign }: Surroundings) {
  const address = addresses.get(name)!
  const volumes = (service.volumes ?? []).map((volume) => volume.split(':') as [string, string])
  const temporary = join(folder, name)
  mkdirSync(temporary)
  for (const [volume] of volumes) mkdirSync(join(folder, `volume-${volume}`), { recursive: true, mode: 0o700 })

  const resolve = (text: string) => {
    let resolved = text.replaceAll('0.0.0.0', address)
    for (const [from, to] of Object.entries(foreign)) resolved = resolved.replaceAll(from, to)
    // A name stands before a port, or alone after an equals sign.
    return resolved.replaceAll(/(?<=[=/,])([a-z][a-z-]*)(?=:\d|$)/g, (host) => addresses.get(host) ?? host)
  }
  const mounted = (value: string) =>
    volumes.reduce((path, [volume, at]) => path.replace(at, join(folder, `volume-${volume}`)), value)
  const environment = {
    // The container has nothing of the shell's; the program of the base image is this one here.
    PATH: process.env.PATH,
    TMPDIR: temporary,
    NODE_ENV: 'production',
    ...Object.fromEntries(Object.entries(service.environment ?? {}).map(([key, value]) => [key, mounted(value)])),
  }
  let written = ''
  let child: ChildProcess
  let ended: Promise<number | null>
  const start = () => {
    const started = spawn(process.execPath, [command, ...(service.command ?? []).map(resolve)], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        written += chunk
      })
    }
    child = started
    ended = new Promise((done) => started.on('exit', (code) => done(code)))
  }
  start()
  const run = (words: readonly string[]) => {
    const [program, ...rest] = words
    const file = { firedrill: [process.execPath, command], node: [process.execPath] }[program ?? '']
    if (!file) throw new Error(`the image has no ${program}`)
    return new Promise<{ code: number; text: string }>((done) => {
      execFile(file[0]!, [...file.slice(1), ...rest], { env: environment, cwd: folder }, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code ?? 1), text: `${stdout}${stderr}` }),
      )
    })
  }
  return {
    name,
    address,
    get child() {
      return child
    },
    get ended() {
      return ended
    },
    output: () => written,
    exec: run,
    async isHealthy() {
      const [kind, ...words] = service.healthcheck?.test ?? []
      if (kind !== 'CMD') throw new Error(`${name} has a health check that is not carried out here: ${kind}`)
      return (await run(words.map((word) => word.replaceAll('127.0.0.1', address)))).code === 0
    },
    restart() {
      child.kill('SIGKILL')
      start()
    },
  }
}
