/**
 * Tells of files whose content changed, once an editor is done with them. Folders are watched, not files: editors write a
 * new file and rename it over the old one, and files may go and come back.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'

export interface WatchedFolders {
  /** Only the files in them. */
  readonly flat: readonly string[]
  /** With the folders inside of them. */
  readonly deep: readonly string[]
}

/** So long nothing happens when an editor is done. A second file that is saved with the first one belongs to the same change. */
const quietMs = 80

export interface FileChange {
  readonly path: string
  readonly what: 'changed' | 'added' | 'removed'
}

export class FileChanges {
  readonly #watchers: FSWatcher[] = []
  readonly #known = new Map<string, string>()
  readonly #onChanges: (changes: readonly FileChange[]) => void
  #waiting = new Map<string, FileChange>()
  #timer: NodeJS.Timeout | undefined
  #isReady = false

  /** @param onChanges told of changes, all that lie close together at once */
  constructor(onChanges: (changes: readonly FileChange[]) => void) {
    this.#onChanges = onChanges
  }

  /** How many files are watched. */
  get count(): number {
    return this.#known.size
  }

  /** Resolves when every change from now on is seen. */
  async watch({ flat, deep }: WatchedFolders): Promise<void> {
    await Promise.all([this.#start(flat, 0), this.#start(deep, undefined)])
    this.#isReady = true
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await Promise.all(this.#watchers.map((watcher) => watcher.close()))
  }

  #start(folders: readonly string[], depth: number | undefined): Promise<void> {
    if (folders.length === 0) return Promise.resolve()
    const watcher = watch([...folders], { depth, ignored: isIgnored })
    this.#watchers.push(watcher)
    for (const event of ['add', 'change', 'unlink'] as const) watcher.on(event, (path) => this.#look(path))
    // A folder that can't be watched (a limit of the system) must not end the watch of the others.
    watcher.on('error', () => undefined)
    return new Promise((resolve) => watcher.once('ready', () => resolve()))
  }

  #look(path: string): void {
    const before = this.#known.get(path)
    const now = contentOf(path)
    if (before === now) return
    if (now === undefined) this.#known.delete(path)
    else this.#known.set(path, now)
    if (!this.#isReady) return
    const what = now === undefined ? 'removed' : before === undefined ? 'added' : 'changed'
    const first = this.#waiting.get(path)
    // Removed and there again within a moment: the editor wrote it by renaming.
    const joined = first?.what === 'removed' && what === 'added' ? 'changed' : what
    this.#waiting.set(path, { path, what: joined })
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const changes = [...this.#waiting.values()]
      this.#waiting = new Map()
      this.#onChanges(changes)
    }, quietMs)
  }
}

/** Backups and swap files of editors have other endings; whole installations of packages need no watching. */
function isIgnored(path: string, stats?: { isFile(): boolean }): boolean {
  if (path.split(sep).some((part) => part === 'node_modules' || part === '.git')) return true
  return stats?.isFile() === true && !/\.(ya?ml|json)$/.test(path)
}

function contentOf(path: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('base64url')
  } catch {
    return undefined
  }
}
