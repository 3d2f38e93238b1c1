// Builds the embedded engine: Prometheus's Go packages as one WebAssembly module, packed with brotli, with the glue file
// of the very Go release that built it. The result is committed; `--check` only says whether it is what the source gives.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'simulator', 'judge', 'embedded')
const source = join(folder, 'go')
const scratch = mkdtempSync(join(tmpdir(), 'firedrill-engine-'))
try {
  const wasm = join(scratch, 'engine.wasm')
  // A toolchain of the release that go.mod names: another one gives other bytes.
  const env = { ...process.env, GOOS: 'js', GOARCH: 'wasm', CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }
  const go = (...args) => execFileSync('go', args, { cwd: source, env, encoding: 'utf8' }).trim()
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
  if (process.argv.includes('--check')) {
    const committed = JSON.parse(readFileSync(join(folder, 'engine.json'), 'utf8'))
    const same = committed.sha256 === facts.sha256
    console.log(same ? 'the committed engine is what the source gives' : 'the committed engine differs from the source')
    console.log(JSON.stringify({ committed, built: facts }, undefined, 2))
    process.exitCode = same ? 0 : 1
  } else {
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
    console.log(`engine.wasm.br: ${(packed.length / 1e6).toFixed(2)} MB, Prometheus ${facts.prometheus}, ${facts.go}`)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
