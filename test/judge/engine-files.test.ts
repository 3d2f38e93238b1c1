/** The committed engine: small enough, with the licences of all that is in it, and what the source gives. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { engineFacts } from '../../simulator/judge/embedded/load-engine.ts'
import { packageRoot } from '../../simulator/package-root.ts'

const embedded = join(packageRoot(), 'simulator', 'judge', 'embedded')
const licenses = join(packageRoot(), 'licenses')

test('the packed module is at most 5 MB, and is what engine.json says', () => {
  const packed = readFileSync(join(embedded, 'engine.wasm.br'))
  expect(packed.length).toBeLessThanOrEqual(5_000_000)
  const module = brotliDecompressSync(packed)
  const { sha256, bytes } = engineFacts()
  expect(module.length).toBe(bytes)
  expect(createHash('sha256').update(module).digest('hex')).toBe(sha256)
})

test('every Go module that the engine may hold has its licence here', () => {
  const listed = readFileSync(join(licenses, 'README.md'), 'utf8')
  const entries = [...listed.matchAll(/^- (\S+) (\S+): \[(\S+)\]/gm)].map(([, path, version, file]) => ({
    path: path!,
    version: version!,
    file: file!,
  }))
  for (const { file } of entries) expect(statSync(join(licenses, file)).size).toBeGreaterThan(500)
  expect(entries[0]).toMatchObject({ path: 'go', version: engineFacts().go })
  const required = [...readFileSync(join(embedded, 'go', 'go.mod'), 'utf8').matchAll(/^\t(\S+) (v\S+)/gm)]
  expect(required.length).toBeGreaterThan(20)
  for (const { path, version } of entries.slice(1)) {
    expect(required.map(([, name, stated]) => `${name} ${stated}`)).toContain(`${path} ${version}`)
  }
  // Required for other systems, but without a package in the module: named here, so that a new one is looked at.
  const linked = new Set(entries.map(({ path }) => path))
  const left = required.map(([, name]) => name!).filter((name) => !linked.has(name))
  expect(left).toEqual(['github.com/prometheus/procfs', 'golang.org/x/sys'])
})

test('package.json ships the notice and the licences', () => {
  const { files } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { files: string[] }
  for (const file of ['NOTICE', 'licenses']) {
    expect(files).toContain(file)
    expect(existsSync(join(packageRoot(), file))).toBe(true)
  }
  const notice = readFileSync(join(packageRoot(), 'NOTICE'), 'utf8')
  for (const part of ['Apache License 2.0', 'BSD 3-Clause', 'wasm_exec.js']) expect(notice).toContain(part)
})
