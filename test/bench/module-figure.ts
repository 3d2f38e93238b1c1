/** How large the committed engine is, packed as it is installed. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { engineFacts } from '../../simulator/judge/embedded/load-engine.ts'
import { packageRoot } from '../../simulator/package-root.ts'
import type { Figure } from './figure.ts'

export const moduleFigure: Figure = {
  name: 'module',
  title: 'the embedded engine, packed',
  async measure() {
    const { size } = statSync(join(packageRoot(), 'simulator', 'judge', 'embedded', 'engine.wasm.br'))
    return {
      value: size / 1e6,
      unit: 'MB',
      target: { most: 5 },
      comparisons: [{ to: 'the same unpacked', ratio: size / engineFacts().bytes }],
    }
  },
}
