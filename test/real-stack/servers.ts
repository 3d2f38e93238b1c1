/**
 * Real servers for a test: each on free ports, in a folder of its own, ended and removed afterwards. `presence` says what
 * is here and what is not, with the reason that a skipped test prints.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../simulator/package-root.ts'

// By its place in the project, since the benchmark runs this file compiled.
const tools = pathToFileURL(join(packageRoot(), 'tools', 'real-stack', 'servers.mjs')).href
const { kafkaFolder, missing, servers, ...folders } = (await import(
  tools
)) as typeof import('../../tools/real-stack/servers.mjs')

export const binFolder = folders.binFolder

export type ServerName =
  | 'prometheus'
  | 'alertmanager'
  | 'jaeger'
  | 'loki'
  | 'kafka'
  | 'node-exporter'
  | 'postgres-exporter'
  | 'redis-exporter'
  | 'postgresql'
  | 'redis'

/** @returns why a test that needs these servers can't run here; undefined when it can */
export function whyMissing(...names: readonly ServerName[]): string | undefined {
  const reasons = names.flatMap((name) => {
    const server = servers.find((one) => one.name === name)!
    const reason = missing(server)
    return reason === undefined ? [] : [`${name} ${reason}`]
  })
  return reasons.length > 0 ? `${reasons.join(', ')} (npm run real-stack gets it)` : undefined
}

export interface RunningServer {
  readonly url: string
  stop(): Promise<void>
  /** Ends it at once, as a crash does; its folder stays until `stop`. */
  kill(): Promise<void>
}

export async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer()
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = listeners.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(listeners.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

interface Start {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly folder: string
  readonly url: string
  readonly isReady: (log: string) => Promise<boolean>
  readonly readyMsMax?: number
}

async function start({
  name,
  program,
  args,
  env,
  cwd,
  folder,
  url,
  isReady,
  readyMsMax = 90_000,
}: Start): Promise<RunningServer> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  let ended: string | undefined
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log = (log + chunk).slice(-50_000)))
  child.on('error', (error) => (ended = error.message))
  child.on('exit', (code, signal) => (ended = signal ?? `exit code ${code}`))
  const killAtExit = () => child.kill('SIGKILL')
  process.on('exit', killAtExit)
  const end = async (signal: NodeJS.Signals) => {
    if (ended === undefined) {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await exited
      clearTimeout(timer)
    }
    process.off('exit', killAtExit)
  }
  const running: RunningServer = {
    url,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  for (const startedMs = Date.now(); ; ) {
    if (ended !== undefined) {
      rmSync(folder, { recursive: true, force: true })
      throw new Error(`${name} ended (${ended}): ${log.trim().split('\n').slice(-5).join('\n')}`)
    }
    if (await isReady(log).catch(() => false)) return running
    if (Date.now() - startedMs > readyMsMax) {
      await running.stop()
      throw new Error(`${name} is not ready after ${readyMsMax / 1000} s: ${log.slice(-2_000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const answers = (url: string) => async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
const scratch = (name: string) => mkdtempSync(join(tmpdir(), `firedrill-${name}-`))
const shipped = (path: string) => join(packageRoot(), 'observability', path)

/** Loki with the shipped configuration; only ports and folder are others. @param flags further ones */
export async function startLoki(flags: readonly string[] = []): Promise<RunningServer> {
  const folder = scratch('loki')
  const [http, grpc] = await freePorts(2)
  const url = `http://127.0.0.1:${http}`
  const args = [
    `-config.file=${shipped('loki/loki-config.yml')}`,
    '-server.http-listen-address=127.0.0.1',
    `-server.http-listen-port=${http}`,
    '-server.grpc-listen-address=127.0.0.1',
    `-server.grpc-listen-port=${grpc}`,
    `-common.path-prefix=${folder}`,
    `-common.storage.filesystem.chunk-directory=${folder}/chunks`,
    `-common.storage.filesystem.rules-directory=${folder}/rules`,
    ...flags,
  ]
  return start({ name: 'loki', program: join(binFolder, 'loki'), args, folder, url, isReady: answers(`${url}/ready`) })
}

export interface RunningJaeger extends RunningServer {
  /** Base address of the OTLP/HTTP receiver. */
  readonly otlpUrl: string
  /** Address for exporters that speak Jaeger's thrift over HTTP. */
  readonly thriftUrl: string
  readonly metricsUrl: string
}

/** Jaeger with the shipped configuration; only the ports are others. `url` answers queries. */
export async function startJaeger(): Promise<RunningJaeger> {
  const folder = scratch('jaeger')
  const [query, queryGrpc, otlpGrpc, otlpHttp, thrift, metrics, health] = await freePorts(7)
  const server = await start({
    name: 'jaeger',
    program: join(binFolder, 'jaeger'),
    args: ['--config', shipped('jaeger/jaeger-config.yml')],
    env: {
      JAEGER_LISTEN_HOST: '127.0.0.1',
      JAEGER_QUERY_PORT: `${query}`,
      JAEGER_QUERY_GRPC_PORT: `${queryGrpc}`,
      JAEGER_OTLP_GRPC_PORT: `${otlpGrpc}`,
      JAEGER_OTLP_HTTP_PORT: `${otlpHttp}`,
      JAEGER_THRIFT_PORT: `${thrift}`,
      JAEGER_METRICS_PORT: `${metrics}`,
      JAEGER_HEALTH_PORT: `${health}`,
    },
    folder,
    url: `http://127.0.0.1:${query}`,
    isReady: answers(`http://127.0.0.1:${health}/status`),
  })
  return {
    ...server,
    otlpUrl: `http://127.0.0.1:${otlpHttp}`,
    thriftUrl: `http://127.0.0.1:${thrift}/api/traces`,
    metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
  }
}

/** @param version `debian`: the one on the PATH; `current`: the one that was built */
export async function startPrometheus(
  version: 'debian' | 'current',
  { outOfOrderWindow }: { readonly outOfOrderWindow?: string } = {},
): Promise<RunningServer> {
  const folder = scratch('prometheus')
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const config = join(folder, 'prometheus.yml')
  writeFileSync(
    config,
    outOfOrderWindow ? `storage: {tsdb: {out_of_order_time_window: ${outOfOrderWindow}}}\n` : '{}\n',
  )
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--storage.tsdb.retention.time=10000d',
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
  ]
  const program = version === 'debian' ? 'prometheus' : currentPrometheus
  return start({ name: 'prometheus', program, args, folder, url, isReady: answers(`${url}/-/ready`) })
}

/** The binary that was built, not Debian's. */
export const currentPrometheus = join(binFolder, 'prometheus')

export interface RunningKafka extends RunningServer {
  /** `host:port`, for clients. */
  readonly broker: string
}

/** One broker in KRaft mode on a fixed free port, so that it comes back where it was. */
export async function startKafka(): Promise<RunningKafka> {
  const folder = scratch('kafka')
  const [data, controller] = await freePorts(2)
  const properties = join(folder, 'server.properties')
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      'controller.listener.names=CONTROLLER',
      `listeners=PLAINTEXT://127.0.0.1:${data},CONTROLLER://127.0.0.1:${controller}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${data}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      `log.dirs=${join(folder, 'data')}`,
      'offsets.topic.num.partitions=1',
      'offsets.topic.replication.factor=1',
      'log.cleaner.dedupe.buffer.size=2097152',
      'auto.create.topics.enable=false',
      'transaction.state.log.num.partitions=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
      'num.network.threads=2',
      'num.io.threads=2',
      '',
    ].join('\n'),
  )
  const java = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx128m', '-cp', join(kafkaFolder, 'libs', '*')]
  const format = spawnSync(
    'java',
    [...java, 'kafka.tools.StorageTool', 'format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', properties],
    {
      encoding: 'utf8',
    },
  )
  if (format.status !== 0) throw new Error(`kafka can't format its folder: ${format.stderr}`)
  const server = await start({
    name: 'kafka',
    program: 'java',
    args: [...java, 'kafka.Kafka', properties],
    folder,
    url: '',
    isReady: async (log) => log.includes('Kafka Server started'),
  })
  return { ...server, broker: `127.0.0.1:${data}` }
}

export async function startNodeExporter(): Promise<RunningServer> {
  const folder = scratch('node-exporter')
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const args = [`--web.listen-address=127.0.0.1:${port}`]
  return start({
    name: 'node exporter',
    program: 'prometheus-node-exporter',
    args,
    folder,
    url,
    isReady: answers(`${url}/metrics`),
  })
}

/** PostgreSQL and its exporter. `url` is the exporter's. */
export async function startPostgresWithExporter(): Promise<RunningServer> {
  const folder = scratch('postgres')
  // PostgreSQL refuses to run as root.
  const asPostgres = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--'] : []
  if (asPostgres.length > 0) spawnSync('chown', ['postgres', folder])
  chmodSync(folder, 0o755)
  const version = readFileSync('/usr/share/postgresql-common/supported-versions', 'utf8').trim().split('\n').at(-1)
  const bin = `/usr/lib/postgresql/${debianPostgres() ?? version}/bin`
  const [port, exporterPort] = await freePorts(2)
  const run = (args: readonly string[]) => spawnSync(args[0]!, args.slice(1), { encoding: 'utf8', cwd: folder })
  const made = run([...asPostgres, `${bin}/initdb`, '-D', `${folder}/data`, '-A', 'trust', '-U', 'postgres'])
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)
  const [program, ...args] = [
    ...asPostgres,
    `${bin}/postgres`,
    '-D',
    `${folder}/data`,
    '-p',
    `${port}`,
    '-k',
    folder,
    '-h',
    '127.0.0.1',
  ]
  const database = await start({
    name: 'postgres',
    program: program!,
    args,
    cwd: folder,
    folder,
    url: '',
    isReady: async (log) => log.includes('database system is ready to accept connections'),
  })
  const url = `http://127.0.0.1:${exporterPort}`
  const exporter = await start({
    name: 'postgres exporter',
    program: 'prometheus-postgres-exporter',
    args: [`--web.listen-address=127.0.0.1:${exporterPort}`],
    env: { DATA_SOURCE_NAME: `postgresql://postgres@127.0.0.1:${port}/postgres?sslmode=disable` },
    folder: scratch('postgres-exporter'),
    url,
    isReady: answers(`${url}/metrics`),
  })
  return both(exporter, database)
}

function debianPostgres(): string | undefined {
  const listed = spawnSync('ls', ['/usr/lib/postgresql'], { encoding: 'utf8' })
  return listed.stdout.trim().split('\n').at(-1)
}

/** Redis and its exporter. `url` is the exporter's. */
export async function startRedisWithExporter(): Promise<RunningServer> {
  const folder = scratch('redis')
  const [port, exporterPort] = await freePorts(2)
  const database = await start({
    name: 'redis',
    program: 'redis-server',
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    folder,
    url: '',
    isReady: async (log) => log.includes('Ready to accept connections'),
  })
  const url = `http://127.0.0.1:${exporterPort}`
  const exporter = await start({
    name: 'redis exporter',
    program: 'prometheus-redis-exporter',
    args: [`--web.listen-address=127.0.0.1:${exporterPort}`, `--redis.addr=redis://127.0.0.1:${port}`],
    folder: scratch('redis-exporter'),
    url,
    isReady: answers(`${url}/metrics`),
  })
  return both(exporter, database)
}

function both(exporter: RunningServer, database: RunningServer): RunningServer {
  return {
    url: exporter.url,
    kill: () => database.kill(),
    async stop() {
      await exporter.stop()
      await database.stop()
    },
  }
}
