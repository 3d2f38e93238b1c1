/** `firedrill up`, and an agent of it, end: in good order when it is asked, at once when it is asked twice, and never with a process left. */
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { writeControlFile } from '../../simulator/live/control-file.ts'
import { documentedPorts } from '../../simulator/live/platform-settings.ts'
import { findClashes, freePorts } from '../../simulator/live/ports.ts'
import { firedrill, killRun, type Running, startFiredrill, until } from '../cli/run-command.ts'
import { testSettings } from './test-settings.ts'

/** The platform stands on the ports of the documents, which something else on this machine may hold. */
const clashes = await findClashes('127.0.0.1', documentedPorts)

/** A test that fails must not leave a platform behind. */
let run: Running | undefined
afterEach(async () => {
  await killRun(run)
  run = undefined
})

describe.skipIf(clashes.length > 0 || process.platform !== 'linux')(
  'firedrill up (skipped where a port is taken)',
  () => {
    /** With its five processes at work. */
    async function start(): Promise<Running & { readonly control: string; told(): string }> {
      const started = await startFiredrill(['up', '--no-with-prometheus', '--scenario', 'steady-state'], {
        environment: { XDG_RUNTIME_DIR: '' },
      })
      run = started
      const control = join(started.temporaryFolder, `firedrill-${process.getuid!()}`, 'control.json')
      let told = ''
      started.child.stderr!.on('data', (chunk: string) => {
        told += chunk
      })
      await until('it has started everything', () => /9 parts up/.test(told), 100_000)
      expect(started.servers()).toHaveLength(5)
      return { ...started, control, told: () => told }
    }

    test('ends within 10 s of SIGTERM, with 0, also while a service stands still', async () => {
      const { child, control, ended } = await start()
      const hang = ['fault', 'inject', 'service.hang', 'target.service=ml-engine', '--control', control]
      expect((await firedrill(hang)).code).toBe(0)
      const startedMs = performance.now()
      child.kill('SIGTERM')
      const { code, stdout, stderr, orphans, left } = await ended
      expect(performance.now() - startedMs).toBeLessThan(10_000)
      expect(stdout).toContain('ended: all processes are gone')
      expect(stderr).not.toContain('was killed')
      expect({ code, orphans, files: left.filter((name) => name.endsWith('.json')) }).toEqual({
        code: 0,
        orphans: [],
        files: [],
      })
    })

    test('ends at once at the second signal, with 130, and its processes with it', async () => {
      const { child, servers, ended } = await start()
      // What stands still, and is not known to, can't end in good order: the first signal alone would wait for it.
      const processes = servers()
      for (const pid of processes) process.kill(pid, 'SIGSTOP')
      child.kill('SIGTERM')
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(child.exitCode).toBeNull()
      const startedMs = performance.now()
      child.kill('SIGTERM')
      const { code, orphans } = await ended
      expect(performance.now() - startedMs).toBeLessThan(4_000)
      expect({ code, orphans }).toEqual({ code: 130, orphans: [] })
    })

    test('kills, and names, who has not ended within 10 s', async () => {
      const { child, servers, ended } = await start()
      for (const pid of servers()) process.kill(pid, 'SIGSTOP')
      const startedMs = performance.now()
      child.kill('SIGTERM')
      const { code, stderr, orphans } = await ended
      expect(performance.now() - startedMs).toBeLessThan(11_000)
      expect(stderr).toContain('backend-api did not end within 10 s and was killed')
      expect({ code, orphans }).toEqual({ code: 0, orphans: [] })
    })
  },
)

describe.skipIf(process.platform !== 'linux')('firedrill agent', () => {
  const token = 'a-token-of-this-test-alone'

  test('ends at once at the second signal, and its process with it, also one that stands still', async () => {
    // Takes connections and says nothing: the process waits for its director.
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { agent: port } = await freePorts('127.0.0.1', ['agent'])
    const folder = mkdtempSync(join(tmpdir(), 'firedrill-agent-ends-'))
    const control = join(folder, 'control.json')
    writeControlFile(control, { format: 1, address: '127.0.0.1:1', token, pid: process.pid })
    const started = await startFiredrill(['agent', 'ml-engine', '--listen', `127.0.0.1:${port}`], {
      environment: { FIREDRILL_CONTROL_FILE: control },
    })
    run = started
    try {
      const ask = (order: string, body: object) =>
        fetch(`http://127.0.0.1:${port}/parts/ml-engine/${order}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      const settings = testSettings(`127.0.0.1:${(silent.address() as AddressInfo).port}`)
      await expect
        .poll(
          () =>
            ask('run', { life: 0, settings }).then(
              ({ status }) => status,
              () => 0,
            ),
          { timeout: 20_000 },
        )
        .toBe(200)
      expect((await ask('start', {})).status).toBe(200)
      await until('its process runs', () => started.servers().length === 1)
      process.kill(started.servers()[0]!, 'SIGSTOP')
      started.child.kill('SIGTERM')
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(started.child.exitCode).toBeNull()
      const startedMs = performance.now()
      started.child.kill('SIGTERM')
      const { code, orphans, left } = await started.ended
      expect(performance.now() - startedMs).toBeLessThan(4_000)
      expect({ code, orphans, left }).toEqual({ code: 130, orphans: [], left: [] })
    } finally {
      silent.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
