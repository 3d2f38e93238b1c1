/** How long a mutation run of the shipped alerts takes, as a user waits for it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../simulator/package-root.ts'
import type { Scorecard } from '../../simulator/score/scorecard.ts'
import type { Figure } from './figure.ts'
import { timed } from './figure.ts'

export const mutantsFigure: Figure = {
  name: 'mutants',
  title: '`firedrill score`: mutants of the 16 alerts over the suite',
  async measure() {
    const rules = ['--rules', join(packageRoot(), 'observability', 'prometheus', 'alert-rules.yml')]
    const withMutants = await timed(() => firedrill(['score', ...rules, '--json']))
    const without = await timed(() => firedrill(['score', ...rules, '--json', '--no-mutants']))
    const { mutants } = JSON.parse(withMutants.result) as Scorecard
    return {
      value: withMutants.seconds,
      unit: `s for ${mutants.all} mutants`,
      target: { most: 180 },
      comparisons: [{ to: 'the same drills without mutants', ratio: withMutants.seconds / without.seconds }],
    }
  },
}

/** What it prints; a score is no verdict, so its exit code does not matter. */
function firedrill(args: readonly string[]): Promise<string> {
  const command = join(packageRoot(), 'bin', 'firedrill.js')
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd: packageRoot(), maxBuffer: 2 ** 28 }, (_, stdout) =>
      resolve(stdout),
    )
  })
}
