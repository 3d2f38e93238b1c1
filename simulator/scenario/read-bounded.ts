/** Reads files that somebody else has named: only as much of them as is accepted, and nothing that may never end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Problem } from './problem.ts'

/** Of rules, dashboards and configs, bytes: ten thousand rules are about 3 MB. */
export const fileBytesMax = 20_000_000

/**
 * @param sizeMax bytes; one more is read of a larger file, enough to see that it is too much
 * @throws as readFileSync does; with the code ENOTFILE for a pipe or a device
 */
export function readBounded(path: string, sizeMax: number): Uint8Array {
  // Opening a pipe would wait for somebody who writes into it.
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const { size } = checkedFile(handle, path)
    const buffer = new Uint8Array(Math.min(size, sizeMax) + 1)
    let length = 0
    for (;;) {
      const read = readSync(handle, buffer, length, buffer.length - length, null)
      length += read
      if (read === 0 || length === buffer.length) return buffer.subarray(0, length)
    }
  } finally {
    closeSync(handle)
  }
}

function checkedFile(handle: number, path: string): { size: number } {
  const stats = fstatSync(handle)
  if (stats.isFile()) return stats
  const [code, what] = stats.isDirectory() ? ['EISDIR', 'is a folder'] : ['ENOTFILE', 'is a pipe or a device']
  throw Object.assign(new Error(`${path} ${what}`), { code })
}

export const notThere = 'there is no such file'

/** What reading a file has thrown, for people. @throws what is no matter of the file */
export function unreadable(file: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) throw error
  const messages: Readonly<Record<string, string>> = {
    ENOENT: notThere,
    ENOTDIR: notThere,
    EISDIR: 'is a folder',
    ENOTFILE: 'is a pipe or a device, and not a file',
    EACCES: 'must not be read: permission denied',
    EPERM: 'must not be read: permission denied',
  }
  return { file, line: 1, column: 1, path: '', message: messages[code] ?? `cannot be read: ${code}`, hint: undefined }
}
