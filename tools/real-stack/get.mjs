// Gets the real servers for `npm run test:real-stack`: builds or installs what is not here yet, once per machine.
// `--list` only says what is here; `--only NAME[,NAME]` gets some of them. What can't be had is said, and the tests that
// need it are skipped with that reason.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binFolder, cacheFolder, kafkaFolder, missing, onPath, servers, stampOf } from './servers.mjs'

const arguments_ = process.argv.slice(2)
const only = arguments_.includes('--only') ? arguments_[arguments_.indexOf('--only') + 1]?.split(',') : undefined
const unknown = (only ?? []).filter((name) => !servers.some((server) => server.name === name))
if (arguments_.includes('--help') || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no server is called ${unknown.join(', ')}`)
  console.log(
    `Usage: node tools/real-stack/get.mjs [--list] [--only NAME,NAME]\nServers: ${servers.map(({ name }) => name).join(', ')}`,
  )
  process.exit(unknown.length > 0 ? 2 : 0)
}

let failed = 0
for (const server of servers) {
  const reason = missing(server)
  const chosen = only === undefined || only.includes(server.name)
  if (reason === undefined) say('here', server)
  else if (arguments_.includes('--list') || !chosen) say('missing', server, reason)
  else get(server, reason)
}
process.exitCode = failed > 0 ? 1 : 0

function get(server, reason) {
  say('getting', server, `${reason}; about ${server.minutes} min at the first time`)
  const startedMs = Date.now()
  const problem = { go: goInstall, 'go-module': goModule, maven: mavenCopy, debian: aptInstall }[server.how](server)
  if (problem !== undefined) {
    failed += 1
    say('failed', server, problem)
    return
  }
  if (server.how !== 'debian') {
    mkdirSync(join(cacheFolder, 'stamps'), { recursive: true })
    writeFileSync(stampOf(server), `${JSON.stringify({ version: server.version })}\n`)
  }
  say('here', server, `got in ${Math.round((Date.now() - startedMs) / 1000)} s`)
}

function goInstall({ module, version, packages }) {
  if (!onPath('go')) return 'needs Go (https://go.dev)'
  const targets = packages.map((path) => `${module}/${path}@${version}`)
  return run('go', ['install', ...targets], { env: { ...goEnvironment(), GOBIN: binFolder } })
}

function goModule({ name, module, version, packages, dropFromGoMod = [] }) {
  if (!onPath('go')) return 'needs Go (https://go.dev)'
  const env = goEnvironment()
  const folder = join(cacheFolder, 'src', name)
  mkdirSync(folder, { recursive: true })
  const downloaded = spawnSync('go', ['mod', 'download', '-json', `${module}@${version}`], { env, encoding: 'utf8' })
  if (downloaded.status !== 0) return lastLine(downloaded)
  const original = JSON.parse(downloaded.stdout).Dir
  const goMod = readFileSync(join(original, 'go.mod'), 'utf8')
    .split('\n')
    .filter((line) => !dropFromGoMod.some((pattern) => pattern.test(line)))
    .join('\n')
    .replace(/^module .*$/m, `module realstack/${name}`)
  writeFileSync(join(folder, 'go.mod'), goMod)
  rmSync(join(folder, 'go.sum'), { force: true })
  copyFileSync(join(original, 'go.sum'), join(folder, 'go.sum'))
  for (const path of packages) {
    const problem =
      run('go', ['get', `${module}/${path}@${version}`], { cwd: folder, env }) ??
      run('go', ['build', '-o', join(binFolder, name), `${module}/${path}`], { cwd: folder, env })
    if (problem !== undefined) return problem
  }
  return undefined
}

function mavenCopy({ version }) {
  for (const program of ['java', 'mvn'])
    if (!onPath(program)) return `needs ${program} (Debian: openjdk-17-jre-headless maven)`
  mkdirSync(kafkaFolder, { recursive: true })
  writeFileSync(
    join(kafkaFolder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>realstack</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`,
  )
  rmSync(join(kafkaFolder, 'libs'), { recursive: true, force: true })
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
  return run('mvn', ['-q', '-B', plugin, '-DincludeScope=runtime', '-DoutputDirectory=libs'], { cwd: kafkaFolder })
}

function aptInstall(server) {
  if (!onPath('apt-get')) return `needs the Debian package ${server.package}`
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  // A policy of 101 keeps Debian from starting the servers: the tests start their own.
  const script = `apt-get update -qq && apt-get install -qq -y --no-install-recommends ${server.package} >/dev/null`
  const [program, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'sh', '-c', script]
  return run(program, rest)
}

function goEnvironment() {
  return { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' }
}

/** @returns undefined when it went well, else what it said last */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options })
  return result.status === 0 ? undefined : lastLine(result)
}

function lastLine({ stderr, stdout, error }) {
  return error?.message ?? (`${stderr}`.trim() || `${stdout}`.trim()).split('\n').at(-1)
}

function say(state, { name, version = '' }, detail = '') {
  const mark = { here: '✓', missing: '-', getting: '…', failed: '✗' }[state]
  console.log(`${mark} ${`${name} ${version}`.padEnd(26)} ${detail}`.trimEnd())
}
