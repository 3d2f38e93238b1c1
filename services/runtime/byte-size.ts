/** Sizes as people write them (`64MiB`, `1.5GB`), in bytes. */

const unitsBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** @returns bytes, or undefined when the text is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/.exec(text)
  return match ? Math.round(Number(match[1]) * unitsBytes[match[2]!]!) : undefined
}

/** The shortest exact writing in binary units: 67108864 becomes `64MiB`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const count = bytes / unitsBytes[unit]!
    if (count >= 1 && Number.isInteger(count * 100)) return `${count}${unit}`
  }
  return `${Math.round(bytes)}B`
}
