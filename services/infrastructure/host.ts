/** The host: file systems that fill, a disk and a network device that move bytes, processors shared by all containers. */
import { DependencyError } from '../runtime/ports.ts'
import type { ContainerFacts } from './container.ts'
import type { HostUnit } from './host-unit.ts'

export interface FilesystemOptions {
  readonly device: string
  readonly mountpoint: string
  readonly fstype: string
  readonly sizeBytes: number
  readonly usedBytes: number
}

/** Bytes that only root may use, as ext4 keeps them: available is less than free. */
const reservedShare = 0.05

export class Filesystem {
  readonly options: FilesystemOptions
  /** Written by the simulated services on top of what was used before. */
  #writtenBytes = 0
  #fillerBytes = 0

  constructor(options: FilesystemOptions) {
    this.options = options
  }

  get availableBytes(): number {
    const { sizeBytes, usedBytes } = this.options
    return Math.max(0, Math.floor(sizeBytes * (1 - reservedShare)) - usedBytes - this.#writtenBytes - this.#fillerBytes)
  }

  get freeBytes(): number {
    return this.availableBytes + Math.ceil(this.options.sizeBytes * reservedShare)
  }

  /** @throws DependencyError of kind disk-full; then nothing is written */
  write(bytes: number): void {
    if (bytes > this.availableBytes) {
      throw new DependencyError('disk', 'disk-full', `write to ${this.options.mountpoint}: no space left on device`)
    }
    this.#writtenBytes += bytes
  }

  free(bytes: number): void {
    this.#writtenBytes = Math.max(0, this.#writtenBytes - bytes)
  }

  /** Somebody else fills the file system until this share is available; undefined takes it away again. */
  fillUntilAvailable(share: number | undefined): void {
    this.#fillerBytes = 0
    if (share === undefined) return
    this.#fillerBytes = Math.max(0, this.availableBytes - Math.floor(this.options.sizeBytes * share))
  }
}

export class Host {
  readonly cpus: number
  readonly memoryBytes: number
  readonly filesystems: readonly Filesystem[]
  readonly containers: readonly ContainerFacts[]
  readonly units: readonly HostUnit[]
  diskReadBytes = 0
  diskWrittenBytes = 0
  diskReads = 0
  diskWrites = 0

  constructor(options: {
    cpus: number
    memoryBytes: number
    filesystems: readonly FilesystemOptions[]
    containers: readonly ContainerFacts[]
    units: readonly HostUnit[]
  }) {
    this.cpus = options.cpus
    this.memoryBytes = options.memoryBytes
    this.filesystems = options.filesystems.map((filesystem) => new Filesystem(filesystem))
    this.containers = options.containers
    this.units = options.units
  }

  /** The file system that holds a path: the longest mount point that the path begins with. */
  filesystemOf(path: string): Filesystem {
    let best = this.filesystems[0]!
    for (const filesystem of this.filesystems) {
      const { mountpoint } = filesystem.options
      const holds = path === mountpoint || path.startsWith(mountpoint === '/' ? '/' : `${mountpoint}/`)
      if (holds && mountpoint.length >= best.options.mountpoint.length) best = filesystem
    }
    return best
  }

  /** @throws DependencyError of kind disk-full */
  write(container: ContainerFacts, path: string, bytes: number): void {
    this.filesystemOf(path).write(bytes)
    this.moveToDisk(container, bytes)
  }

  /** Bytes that reach the disk without taking new space (a log that is overwritten, a page that is rewritten). */
  moveToDisk(container: ContainerFacts, bytes: number): void {
    this.diskWrittenBytes += bytes
    this.diskWrites += Math.ceil(bytes / 65_536)
    container.diskWrittenBytes += bytes
  }

  read(container: ContainerFacts, bytes: number): void {
    this.diskReadBytes += bytes
    this.diskReads += Math.ceil(bytes / 65_536)
    container.diskReadBytes += bytes
  }
}

/** Moves bytes between two containers; both and so the host's network device see them. */
export function moveBytes(from: ContainerFacts | undefined, to: ContainerFacts | undefined, bytes: number): void {
  if (from) from.networkSentBytes += bytes
  if (to) to.networkReceivedBytes += bytes
}
