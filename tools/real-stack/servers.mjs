// The real servers of the real-stack tests: which version, and how it is got. One cache folder holds them all, so that
// they are built once per machine. Nothing but package registries is needed: Go modules, Maven Central, Debian.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** FIREDRILL_REAL_STACK names another folder. */
export const cacheFolder = process.env.FIREDRILL_REAL_STACK ?? join(homedir(), '.cache', 'firedrill', 'real-stack')
export const binFolder = join(cacheFolder, 'bin')
export const kafkaFolder = join(cacheFolder, 'kafka')

/**
 * `go`: built by `go install`, where the module's own replacements allow it. `go-module`: built inside of a module of our
 * own that has the go.mod and go.sum of the original, since `go install` refuses modules with replacements. `maven`: jars.
 * `debian`: a package that brings the program.
 */
export const servers = [
  {
    name: 'prometheus',
    how: 'go',
    module: 'github.com/prometheus/prometheus',
    version: 'v0.316.0',
    packages: ['cmd/prometheus', 'cmd/promtool'],
    programs: ['prometheus', 'promtool'],
    minutes: 10,
  },
  {
    name: 'alertmanager',
    how: 'go',
    module: 'github.com/prometheus/alertmanager',
    version: 'v0.28.1',
    packages: ['cmd/alertmanager'],
    programs: ['alertmanager'],
    minutes: 2,
  },
  {
    name: 'jaeger',
    how: 'go-module',
    module: 'github.com/jaegertracing/jaeger',
    version: 'v1.76.0',
    packages: ['cmd/jaeger'],
    programs: ['jaeger'],
    minutes: 10,
  },
  {
    name: 'loki',
    how: 'go-module',
    module: 'github.com/grafana/loki/v3',
    version: 'v3.7.8',
    packages: ['cmd/loki'],
    programs: ['loki'],
    // Lines of go.mod that only make sense inside of the original repository.
    dropFromGoMod: [/^ignore/, /pkg\/push => /],
    minutes: 14,
  },
  { name: 'kafka', how: 'maven', version: '4.4.0', programs: [], minutes: 1 },
  {
    name: 'node-exporter',
    how: 'debian',
    package: 'prometheus-node-exporter',
    programs: ['prometheus-node-exporter'],
    minutes: 1,
  },
  {
    name: 'postgres-exporter',
    how: 'debian',
    package: 'prometheus-postgres-exporter',
    programs: ['prometheus-postgres-exporter'],
    minutes: 1,
  },
  {
    name: 'redis-exporter',
    how: 'debian',
    package: 'prometheus-redis-exporter',
    programs: ['prometheus-redis-exporter'],
    minutes: 1,
  },
  { name: 'postgresql', how: 'debian', package: 'postgresql', programs: [], glob: '/usr/lib/postgresql', minutes: 1 },
  { name: 'redis', how: 'debian', package: 'redis-server', programs: ['redis-server'], minutes: 1 },
]

/** Where a stamp says which version was built. */
export function stampOf({ name }) {
  return join(cacheFolder, 'stamps', `${name}.json`)
}

/** @returns undefined when the server is here in this version, else why it is not */
export function missing(server) {
  if (server.how === 'debian') {
    if (server.glob !== undefined)
      return existsSync(server.glob) ? undefined : `Debian package ${server.package} is not installed`
    const absent = server.programs.filter((program) => !onPath(program))
    return absent.length === 0 ? undefined : `Debian package ${server.package} is not installed`
  }
  try {
    const { version } = JSON.parse(readFileSync(stampOf(server), 'utf8'))
    return version === server.version ? undefined : `is ${version}, wanted ${server.version}`
  } catch {
    return 'not built yet'
  }
}

export function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)))
}
