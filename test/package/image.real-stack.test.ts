/** The image, as far as it can be built without a container engine: every step of the Dockerfile, then the command inside. */
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { buildImage, environmentOf, type Image, listing } from './build-image.ts'

let folder: string
let image: Image
let built: readonly string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-image-'))
  // The user of the image has to get in.
  chmodSync(folder, 0o755)
  image = await buildImage(packageRoot(), folder)
  built = listing(join(image.root, 'app'))
}, 200_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** As `docker run IMAGE ARGS` would, in a folder that only the tmpfs of the container is. */
async function runImage(args: readonly string[]): Promise<string> {
  const { root, workingDirectory, entrypoint, command } = image
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary, { recursive: true })
  chmodSync(temporary, 0o777)
  const [program, ...first] = entrypoint as [string, ...string[]]
  const { stdout } = await promisify(execFile)(program, [...first, ...(args.length > 0 ? args : command)], {
    cwd: join(root, workingDirectory),
    env: { ...environmentOf(image), TMPDIR: temporary },
    maxBuffer: 1e8,
    // The user `node` of the base image; who is not root here is without rights already.
    ...(process.getuid?.() === 0 && { uid: 1000, gid: 1000 }),
  })
  return stdout
}

describe('the image', () => {
  test('runs as a user without rights', () => {
    expect(image.user).toBe('node')
  })

  test('says without arguments what there is', async () => {
    expect(await runImage([])).toContain('Usage: firedrill')
  })

  test('holds the scenarios', async () => {
    expect(await runImage(['list'])).toContain('service-down')
  })

  test('holds all that a drill needs, and a drill writes nothing into it', async () => {
    expect(await runImage(['run', 'service-down', '--no-twins'])).toMatch(/ServiceDown.*fires/)
    expect(listing(join(image.root, 'app'))).toEqual(built)
  })

  test('knows what its processes are told', async () => {
    const settings = JSON.parse(await runImage(['up', '--print-settings', '--no-with-prometheus']))
    expect(Object.keys(settings.services)).toEqual(['backend-api', 'ml-engine', 'data-pipeline'])
  })

  test('holds no tool of development, no test and no source', () => {
    expect(built.filter((path) => /^(test|tools|services)\/|node_modules\/(typescript|vitest)\//.test(path))).toEqual(
      [],
    )
  })
})
