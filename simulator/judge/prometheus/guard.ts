/**
 * Sees to it that a server does not outlive us. Node ends no children when it is killed itself (SIGKILL, out of memory);
 * a shell that waits for the end of its input notices it: our end of the pipe closes, however we died.
 */
import { spawn } from 'node:child_process'

/** Kills $1 and removes $2 once the input has ended. The folder can only go when nobody writes there any more. */
const script = [
  'read -r _',
  'kill -KILL "$1" 2>/dev/null',
  'for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done',
  'rm -rf "$2"',
].join('\n')

export interface Guard {
  /** The process has ended and the folder is gone: there is nothing to guard any more. */
  release(): void
}

/** @param folder is removed with the process. Where there is no shell, nothing is guarded. */
export function guardProcess(pid: number, folder: string): Guard {
  const shell = spawn('/bin/sh', ['-c', script, 'firedrill-guard', String(pid), folder], {
    // A Ctrl-C reaches the group of the terminal; it must not end the guard before us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  // It waits for us, not we for it.
  shell.unref()
  ;(shell.stdin as unknown as { unref?: () => void }).unref?.()
  return { release: () => void shell.kill('SIGKILL') }
}
