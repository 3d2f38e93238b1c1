/**
 * Builds the embedded engine: Prometheus's Go packages as one WebAssembly module, packed with brotli, with the glue file
 * of the very Go release that built it, and the licences of everything in it. The result is committed.
 *
 *   --check      only says whether the committed files are what the source gives
 *   --licenses   only writes the licences
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, 'simulator', 'judge', 'embedded')
const source = join(folder, 'go')
// Another release of Go gives other bytes: go gets the one that go.mod names when it is not here.
const toolchain = /^toolchain (\S+)$/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))[1]
const env = {
  ...process.env,
  GOOS: 'js',
  GOARCH: 'wasm',
  CGO_ENABLED: '0',
  GOFLAGS: '-mod=readonly',
  GOTOOLCHAIN: toolchain,
  GOWASM: '',
  GOEXPERIMENT: '',
}
const go = (...args) => execFileSync('go', args, { cwd: source, env, encoding: 'utf8' }).trim()

const scratch = mkdtempSync(join(tmpdir(), 'firedrill-engine-'))
try {
  if (process.argv.includes('--licenses')) writeLicenses(linkedModules())
  else if (process.argv.includes('--check')) check(build())
  else keep(build())
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function build() {
  const wasm = join(scratch, 'engine.wasm')
  go('build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', wasm, '.')
  const bytes = readFileSync(wasm)
  const module = go('list', '-m', '-f', '{{.Version}}', 'github.com/prometheus/prometheus')
  const facts = {
    // Module v0.316.0 is the code of release 3.16.0.
    prometheus: module.replace(
      /^v0\.(\d)(\d+)\.(\d+)$/,
      (_, major, minor, patch) => `${major}.${Number(minor)}.${patch}`,
    ),
    module,
    go: go('env', 'GOVERSION'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
  }
  return { bytes, facts, modules: linkedModules() }
}

function check({ facts, modules }) {
  const committed = JSON.parse(readFileSync(join(folder, 'engine.json'), 'utf8'))
  const glue = readFileSync(join(go('env', 'GOROOT'), 'lib', 'wasm', 'wasm_exec.js'))
  const differs = [
    committed.sha256 !== facts.sha256 && `engine.wasm.br: built ${facts.sha256}, committed ${committed.sha256}`,
    !glue.equals(readFileSync(join(folder, 'wasm_exec.js'))) && `wasm_exec.js is not that of ${facts.go}`,
    listOf(modules) !== readFileSync(join(root, 'licenses', 'README.md'), 'utf8') && 'licenses/README.md',
  ].filter(Boolean)
  console.log(differs.length === 0 ? 'the committed engine is what the source gives' : differs.join('\n'))
  process.exitCode = differs.length === 0 ? 0 : 1
}

function keep({ bytes, facts, modules }) {
  const packed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  })
  writeFileSync(join(folder, 'engine.wasm.br'), packed)
  writeFileSync(join(folder, 'engine.json'), `${JSON.stringify(facts, undefined, 2)}\n`)
  copyFileSync(join(go('env', 'GOROOT'), 'lib', 'wasm', 'wasm_exec.js'), join(folder, 'wasm_exec.js'))
  writeLicenses(modules)
  console.log(`engine.wasm.br: ${(packed.length / 1e6).toFixed(2)} MB, Prometheus ${facts.prometheus}, ${facts.go}`)
}

/** Every module that has a package in the engine, the Go distribution first. */
function linkedModules() {
  const listed = go('list', '-deps', '-f', '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}', '.')
  const modules = [...new Set(listed.split('\n'))]
    .filter((line) => line !== '' && !line.startsWith('github.com/firedrill/'))
    .map((line) => {
      const [path, version, at] = line.split(' ')
      return { path, version, at }
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  return [{ path: 'go', version: toolchain, at: go('env', 'GOROOT') }, ...modules]
}

function listOf(modules) {
  return [
    '# Licences of what is inside of the embedded engine',
    '',
    '`simulator/judge/embedded/engine.wasm.br` holds code of these Go modules, unchanged; `wasm_exec.js` is part of Go.',
    'Written by `npm run build:engine`; the texts stand beside this file.',
    '',
    ...modules.map(({ path, version }) => `- ${path} ${version}: [${fileOf(path)}](${fileOf(path)})`),
    '',
  ].join('\n')
}

function fileOf(path) {
  return `${path.replaceAll('/', '-')}.txt`
}

function writeLicenses(modules) {
  const target = join(root, 'licenses')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  for (const { path, at } of modules) writeFileSync(join(target, fileOf(path)), licenseOf(path, at))
  writeFileSync(join(target, 'README.md'), listOf(modules))
}

/** The licence of a module and, where it has one, its notice. */
function licenseOf(path, at) {
  const files = readdirSync(at)
    .filter((name) => /^(licen[cs]e|copying|notice|patents)/i.test(name))
    .sort()
  if (!files.some((name) => /^(licen[cs]e|copying)/i.test(name))) throw new Error(`${path} has no licence file`)
  return files
    .map((name) => `${files.length > 1 ? `${name}\n\n` : ''}${readFileSync(join(at, name), 'utf8').trimEnd()}\n`)
    .join('\n')
}
