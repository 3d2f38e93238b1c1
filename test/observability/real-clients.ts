/** Runs the example of real clients against a server that a test has started. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'vitest'
import { packageRoot } from '../../simulator/package-root.ts'
import { builtCommand } from '../cli/built-command.ts'
import { type ReceivedSpan, startTelemetryReceiver } from '../telemetry/telemetry-receiver.ts'

/**
 * Runs the example until it has used its clients.
 * @param ends gets what ends it, should the test fail @returns its spans
 */
export async function spansOf(environment: Record<string, string>, ends: (() => void)[]): Promise<ReceivedSpan[]> {
  await builtCommand()
  const receiver = await startTelemetryReceiver()
  ends.push(receiver.close)
  const child = spawn(process.execPath, [join('observability', 'examples', 'real-clients.mjs')], {
    cwd: packageRoot(),
    env: { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...environment },
  })
  ends.push(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  // It ends by itself when the last client is closed.
  await until(() => stdout.includes('clients_used') || child.exitCode !== null)
  expect(stdout, stderr).toContain('clients_used')
  await until(() => receiver.spans.some(({ name }) => name === 'use_real_clients'))
  return receiver.spans
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`did not come true: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The spans directly below the one around all clients. */
export function childrenOfWhole(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const { spanId } = spans.find(({ name }) => name === 'use_real_clients')!
  return spans.filter(({ parentSpanId }) => parentSpanId === spanId)
}
