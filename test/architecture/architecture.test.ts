/** Who may import whom, and who may touch what; each rule says what to use instead. */
import type { IForbiddenRuleType } from 'dependency-cruiser'
import { beforeAll, describe, expect, test } from 'vitest'
import { importsOf, sources, violationsOf } from './source-imports.ts'

const connections = '^(node:)?(http|https|http2|net|dgram|tls)$|^(undici|kafkajs|fastify|@opentelemetry/exporter)'
/** Live adapters, sinks, and the judge that is a server. */
const mayConnect = '/live|live-|/sinks?/|/main\\.|^simulator/judge/prometheus/|real-stack'

const rules: readonly (IForbiddenRuleType & { readonly comment: string })[] = [
  {
    name: 'services-do-not-know-the-simulator',
    comment: 'a service must not know its world: take what it needs as a port (services/runtime/ports.ts)',
    severity: 'error',
    from: { path: '^services/' },
    to: { path: '^simulator/' },
  },
  {
    name: 'services-do-not-import-each-other',
    comment: 'call the other service through ports.http, or send it messages through ports.bus',
    severity: 'error',
    from: { path: '^services/(backend-api|ml-engine|data-pipeline)/' },
    to: { path: '^services/(backend-api|ml-engine|data-pipeline)/', pathNot: '^services/$1/' },
  },
  {
    name: 'the-kernel-knows-ports-alone',
    comment: 'the kernel runs anything: hand it a function, or put what knows services into simulator/world',
    severity: 'error',
    from: { path: '^simulator/kernel/' },
    to: { path: '^(services|simulator)/', pathNot: '^simulator/kernel/|^services/runtime/' },
  },
  {
    name: 'faults-act-through-controls',
    comment: 'a fault must not know which world it breaks: use what FaultWorld in define-fault.ts offers',
    severity: 'error',
    from: { path: '^simulator/faults/' },
    to: { path: '^simulator/(world|kernel|scrape|judge|drill)/|^services/(?!runtime/)' },
  },
  {
    name: 'expectations-know-evidence-alone',
    comment: 'an expectation reads evidence (simulator/expectations/evidence.ts), whoever collected it',
    severity: 'error',
    from: { path: '^simulator/expectations/' },
    to: { path: `^simulator/(world|kernel|scrape|cli|judge/prometheus|judge/embedded)/|${connections}` },
  },
  {
    name: 'nobody-imports-the-command-line',
    comment: 'command line and programming interface stand on top: move what you need down, beside what it is about',
    severity: 'error',
    from: { path: '^(services|simulator)/', pathNot: '^simulator/(cli|api)/' },
    to: { path: '^simulator/(cli|api)/' },
  },
  {
    name: 'few-open-connections',
    comment: 'take ports.http or ports.bus; only live adapters, sinks and simulator/judge/prometheus open connections',
    severity: 'error',
    from: { path: '^(services|simulator)/', pathNot: mayConnect },
    to: { path: connections },
  },
]

describe('who may import whom', () => {
  let found: Awaited<ReturnType<typeof violationsOf>>
  beforeAll(async () => {
    found = await violationsOf(rules, { withTypes: true })
  }, 60_000)

  test.each(rules)('$name: $comment', ({ name, comment }) => {
    expect(found.modules).toBeGreaterThan(100)
    const broken = found.violations.filter(({ rule }) => rule.name === name)
    expect(broken.map(({ from, to }) => `${from} -> ${to}: ${comment}`)).toEqual([])
  })
})

test('no module needs itself to be loaded', async () => {
  const cycle: IForbiddenRuleType = { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } }
  const { violations } = await violationsOf([cycle], { withTypes: false })
  expect(violations.map(({ cycle = [] }) => cycle.map(({ name }) => name).join(' -> '))).toEqual([])
})

test('a rule that is broken is found, also by an import of types', async () => {
  const broken: IForbiddenRuleType = {
    name: 'broken',
    severity: 'error',
    from: { path: '^simulator/world/' },
    to: { path: '^services/runtime/ports' },
  }
  const { violations } = await violationsOf([broken], { withTypes: true })
  expect(violations.map(({ from }) => from)).toContain('simulator/world/virtual-ports.js')
})

describe('the imports of a source are read', () => {
  test.each([
    { text: "import { a, type B } from './a.ts'", module: './a.ts', typesOnly: false },
    { text: "import type { B } from './b.ts'", module: './b.ts', typesOnly: true },
    { text: "import {\n  a,\n  b,\n} from './c.ts'", module: './c.ts', typesOnly: false },
    { text: "export { a } from './d.ts'", module: './d.ts', typesOnly: false },
    { text: "import './e.ts'", module: './e.ts', typesOnly: false },
    { text: "  const x = await import('./f.ts')", module: './f.ts', typesOnly: false },
  ])('$text', ({ text, ...read }) => expect(importsOf(text)).toEqual([read]))
})

describe('what the machine would decide arrives as an argument', () => {
  let all: { path: string; code: string }[]
  beforeAll(() => {
    all = sources().map(({ path, text }) => ({ path, code: withoutComments(text) }))
  })

  const bans = [
    {
      what: 'the process',
      pattern: /\bprocess\.(env|argv|stdout|stderr|stdin|exit|exitCode|cwd|on|once|hrtime|pid|memoryUsage|platform)\b/,
      instead: 'take it from the CommandContext, or as an argument',
      // The worker thread tells its memory, and the pool ends the servers that a dead worker left.
      allowed: /\/main\.ts$|\/live[/-]|^simulator\/cli\/\w+-(worker|pool)\.ts$/,
    },
    {
      what: "the machine's clock",
      pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(/,
      instead: 'take a Clock',
      allowed:
        /\/main\.ts$|\/live[/-]|\/sinks?\/|^simulator\/cli\/\w+-(worker|pool)\.ts$|^simulator\/watch\/file-changes\.ts$|^simulator\/judge\/prometheus\//,
    },
    {
      what: 'its dice',
      pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,
      instead: 'fork an Rng by a label',
      allowed: /\/main\.ts$|\/live[/-]/,
    },
    {
      what: 'digits that depend on the engine',
      pattern: /\bMath\.(log|log2|log10|exp|pow|sin|cos|tan)\(/,
      instead: 'use a LatencyProfile or a table',
      // Only what makes the stream must be the same in its last digit.
      allowed: /^simulator\/(?!kernel|world|workload|scrape|faults)|\/live[/-]/,
    },
  ]

  test.each(bans)('$what: $instead', ({ pattern, allowed, instead }) => {
    const found = all.filter(({ path, code }) => !allowed.test(path) && pattern.test(code))
    expect(found.map(({ path, code }) => `${path} uses ${pattern.exec(code)![0]}: ${instead}`)).toEqual([])
  })
})

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
}
