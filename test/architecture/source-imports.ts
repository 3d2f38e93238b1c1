/**
 * The imports of the sources, for dependency-cruiser. It can't read TypeScript without the old compiler's programming
 * interface, so it is given, for each source, a JavaScript file with the same imports and nothing else.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise, type IForbiddenRuleType, type IViolation } from 'dependency-cruiser'
import { packageRoot } from '../../simulator/package-root.ts'

export interface Source {
  /** For example `simulator/kernel/kernel.ts`. */
  readonly path: string
  readonly text: string
}

export function sources(): Source[] {
  return ['services', 'simulator'].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(folder, name))
      .map((path) => ({ path, text: readFileSync(join(packageRoot(), path), 'utf8') })),
  )
}

export interface Import {
  readonly module: string
  /** Only types: nothing of it is there when the program runs. */
  readonly typesOnly: boolean
}

export function importsOf(text: string): Import[] {
  const statements = [...text.matchAll(/^(?:import|export)\s+(type\s)?([^'"`;=]*?from\s+)?'([^']+)'/gm)]
  const dynamic = [...text.matchAll(/\bimport\('([^']+)'\)/g)]
  return [
    ...statements.map(([, type, , module]) => ({ module: module!, typesOnly: type !== undefined })),
    ...dynamic.map(([, module]) => ({ module: module!, typesOnly: false })),
  ]
}

/** @param rules of dependency-cruiser @returns what breaks them, for example `simulator/kernel/kernel.ts -> ...` */
export async function violationsOf(
  rules: readonly IForbiddenRuleType[],
  { withTypes }: { readonly withTypes: boolean },
): Promise<{ modules: number; violations: readonly IViolation[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'firedrill-imports-'))
  try {
    for (const { path, text } of sources()) {
      const imports = importsOf(text).filter(({ typesOnly }) => withTypes || !typesOnly)
      const file = join(folder, path.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, imports.map(({ module }) => `import '${module.replace(/\.ts$/, '.js')}'\n`).join(''))
    }
    const { output } = await cruise(
      ['services', 'simulator'],
      { baseDir: folder, validate: true, ruleSet: { forbidden: [...rules] }, doNotFollow: { path: 'node_modules' } },
      { resolve: {} } as never,
    )
    if (typeof output === 'string') throw new Error(output)
    return {
      modules: output.modules.filter(({ source }) => /^s/.test(source)).length,
      violations: output.summary.violations,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
