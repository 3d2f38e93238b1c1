/** OpenTelemetry's own instrumentations of real clients, against the real servers that are on this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../../simulator/live/ports.ts'
import { childrenOfWhole, spansOf, until } from './real-clients.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end()
})

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
    ends.push(() => socket.destroy())
  })

test('a call by http is a span, and the other side is told of it', async () => {
  let traceparent: unknown
  const server = createServer((request, response) => {
    traceparent = request.headers.traceparent
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => server.close())
  const { port } = server.address() as { port: number }
  const [call] = childrenOfWhole(await spansOf({ HTTP_URL: `http://127.0.0.1:${port}/items` }, ends))
  expect(call!.name).toBe('GET')
  expect(traceparent).toBe(`00-${call!.traceId}-${call!.spanId}-01`)
})

test('commands of redis are spans', async (context) => {
  const { redis: port } = await freePorts('127.0.0.1', ['redis'])
  const server = run('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'])
  await until(async () => server.failed || (await accepts(port!)))
  if (server.failed) return context.skip('redis-server is not on the PATH')
  const names = childrenOfWhole(await spansOf({ REDIS_URL: `redis://127.0.0.1:${port}` }, ends)).map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['redis-SET', 'redis-GET']))
})

test('queries of pg are spans with their statement', async (context) => {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort() : []
  if (versions.length === 0) return context.skip('PostgreSQL is not in /usr/lib/postgresql')
  const bin = join('/usr/lib/postgresql', versions.at(-1)!, 'bin')
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-pg-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  // It refuses to run as root.
  const [uid, gid] = process.getuid?.() === 0 ? idsOf('postgres') : [undefined, undefined]
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
  const as = uid === undefined ? {} : { uid, gid }
  const made = spawnSync(join(bin, 'initdb'), ['-D', join(folder, 'data'), '-U', 'example', '-A', 'trust'], {
    ...as,
    cwd: folder,
  })
  if (made.status !== 0) return context.skip(`initdb failed: ${made.stderr}`)
  const { pg: port } = await freePorts('127.0.0.1', ['pg'])
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', folder],
    {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    },
  )
  ends.push(() => server.kill('SIGQUIT'))
  await until(() => accepts(port!))
  await new Promise((resolve) => setTimeout(resolve, 500))
  const spans = childrenOfWhole(await spansOf({ DATABASE_URL: `postgres://example@127.0.0.1:${port}/postgres` }, ends))
  const statement = spans.map(({ attributes }) => attributes['db.statement'] ?? attributes['db.query.text'])
  expect(statement).toContain('SELECT $1::int AS answer')
})

function idsOf(user: string): [number, number] {
  const id = (kind: string) => Number(spawnSync('id', [kind, user]).stdout)
  return [id('-u'), id('-g')]
}

function run(program: string, args: string[]): { failed: boolean } {
  const state = { failed: false }
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' })
  child.once('error', () => {
    state.failed = true
  })
  ends.push(() => child.kill('SIGTERM'))
  return state
}
