/** Finds the files that `rule_files` of a prometheus.yml names: patterns relative to it, or as a container mounts them. */
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'

export interface FileSource {
  /** Throws as readFileSync does. */
  read(path: string): Uint8Array
  /** Names in a folder, sorted; empty when there is no such folder. */
  list(folder: string): readonly string[]
}

export function findRuleFiles(
  configFile: string,
  patterns: readonly string[],
  files: FileSource,
): { files: string[]; notes: string[] } {
  const folder = dirname(configFile)
  const found: string[] = []
  const notes: string[] = []
  for (const pattern of patterns) {
    const direct = expandPattern(isAbsolute(pattern) ? pattern : join(folder, pattern), files)
    const matches = direct.length > 0 ? direct : asMounted(pattern, folder, configFile, files)
    if (matches.length === 0) notes.push(`rule_files: "${pattern}" matches no file`)
    found.push(...matches.filter((file) => !found.includes(file)))
  }
  return { files: found, notes }
}

/**
 * `/etc/prometheus/rules/*.yml` is where a container sees the files; here they lie beside prometheus.yml, in a folder of
 * that name or without one.
 */
function asMounted(pattern: string, folder: string, configFile: string, files: FileSource): string[] {
  if (!pattern.startsWith('/etc/prometheus/')) return []
  const inside = pattern.slice('/etc/prometheus/'.length)
  const inFolder = expandPattern(join(folder, inside), files)
  if (inFolder.length > 0) return inFolder
  return expandPattern(join(folder, inside.slice(inside.lastIndexOf('/') + 1)), files).filter(
    (file) => resolve(file) !== resolve(configFile),
  )
}

/** `*`, `?` and `[a-z]` within a segment of the path, as Go's filepath.Glob. @returns sorted */
export function expandPattern(pattern: string, files: FileSource): string[] {
  const segments = pattern.split(/[\\/]/)
  let paths = [segments[0] === '' ? sep : segments[0]!]
  if (hasWildcard(segments[0]!)) paths = matching('.', segments[0]!, files)
  for (const segment of segments.slice(1)) {
    paths = paths.flatMap((path) =>
      hasWildcard(segment) ? matching(path, segment, files).map((name) => join(path, name)) : [join(path, segment)],
    )
  }
  return paths.filter((path) => files.list(dirname(path)).includes(basename(path))).sort()
}

function hasWildcard(segment: string): boolean {
  return /[*?[]/.test(segment)
}

function matching(folder: string, segment: string, files: FileSource): string[] {
  const source = segment
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  const expression = new RegExp(`^${source}$`)
  return files.list(folder).filter((name) => expression.test(name))
}
