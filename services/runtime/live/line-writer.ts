/**
 * Writes lines to stdout without ever waiting for whoever reads them. Node writes to a pipe at once and stands still while
 * it is full; here a thread waits instead, memory has a bound, and lines that find it full are lost and counted.
 */
import pino from 'pino'

export interface LineWriter {
  write(line: string): void
  /** Lines that were lost. */
  readonly lost: number
  /** Resolves when all is written, at the latest after `withinMs`. */
  close(withinMs: number): Promise<void>
  /** Before the process ends at once. Waits for the reader. */
  flushNow(): void
}

const waitingBytesMax = 16 * 1024 * 1024

/** @param fd 1 is stdout */
export function createLineWriter(fd: number, bytesMax = waitingBytesMax): LineWriter {
  const stream = pino.destination({ fd, sync: false, maxLength: bytesMax })
  let lost = 0
  let broken = false
  stream.on('drop', () => {
    lost += 1
  })
  // The reader is gone: the service goes on without it.
  stream.on('error', () => {
    broken = true
  })
  return {
    write(line) {
      if (broken) lost += 1
      else stream.write(line)
    },
    get lost() {
      return lost
    },
    async close(withinMs) {
      if (broken) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        stream.flush(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    flushNow() {
      try {
        stream.flushSync()
      } catch {
        // Nobody reads any more.
      }
    },
  }
}
