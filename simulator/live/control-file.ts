/**
 * How `firedrill fault` finds the running platform: a file that only its owner can read, with the address of the control
 * port and the token of this run.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'

export interface ControlFile {
  readonly format: 1
  /** `host:port`. */
  readonly address: string
  readonly token: string
  /** Of the launcher. */
  readonly pid: number
}

export function controlFilePath(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment.FIREDRILL_CONTROL_FILE) return environment.FIREDRILL_CONTROL_FILE
  const folder = environment.XDG_RUNTIME_DIR || tmpdir()
  return join(folder, `firedrill-${userInfo().uid}`, 'control.json')
}

export function writeControlFile(path: string, control: ControlFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // A file that is there keeps its mode, and may be somebody else's: it is replaced, whole, by one of ours.
  const fresh = `${path}.${control.pid}`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${JSON.stringify(control)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, path)
}

/** Removes it, unless another run has written its own meanwhile. */
export function removeControlFile(path: string, pid: number): void {
  try {
    if (readControlFile(path)?.pid === pid) rmSync(path, { force: true })
  } catch {
    // Not ours, then.
  }
}

/** @returns undefined when no platform runs @throws Error when others could read or have written the file */
export function readControlFile(path: string): ControlFile | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return undefined
  if ((stat.mode & 0o077) !== 0) throw new Error(`${path} can be read by others: it is not what firedrill up wrote`)
  if (stat.uid !== userInfo().uid) throw new Error(`${path} belongs to somebody else`)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ControlFile
  } catch {
    throw new Error(`${path} is not what firedrill up wrote`)
  }
}
