/** docs/dashboards.md, made from the dashboards themselves. */
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'

export const documentationPath = 'docs/dashboards.md'

export function documentation(dashboards: readonly Dashboard[]): string {
  return `${[introduction, contents(dashboards), howToRead, ...dashboards.map(section)].join('\n\n')}\n`
}

const introduction = `# The dashboards

Made by \`npm run dashboards\` from [\`tools/dashboards\`](../tools/dashboards), which also writes this page; a test tells when either
is out of date. Grafana finds them through [\`observability/grafana/provisioning\`](../observability/grafana/provisioning) in the
folder "Team Zeta", on port 3001.`

const howToRead = `## How to read them

- **Colours mean the same everywhere:** green is good, yellow to be watched, orange bad, red what an alert pages for, blue busy. A
  service has one colour on all pages ([palette.ts](../tools/dashboards/palette.ts)).
- **A red line or field begins at the number of the alert rule.** It is read from the rule files when the dashboards are made.
- **Red marks on time** are firing alerts, blue ones are faults that a drill has in force.
- **A click on a value** leads to the log lines or traces of the same time; the links at the top lead to the other pages and
  keep time and variables.
- **A gap is a gap:** where a target could not be scraped nothing is drawn. A share without a denominator (no requests, no
  look-ups) is empty, not 0 and not NaN.
- \`tenant\` narrows what is counted by tenant; panels without tenants say "all tenants". \`datasource\` chooses the Prometheus.`

function contents(dashboards: readonly Dashboard[]): string {
  const rows = dashboards.map(({ uid, title, description, refresh, panels }) => {
    const count = (panels ?? []).filter(({ type }) => type !== 'row').length
    return `| [${title}](#${anchorOf(title!)}) | \`/d/${uid}\` | ${refresh} | ${count} | ${description} |`
  })
  return ['| dashboard | address | refresh | panels | answers |', '|---|---|---|---|---|', ...rows].join('\n')
}

function section({ title, panels, templating }: Dashboard): string {
  const variables = (templating?.list ?? []).map(({ name }) => `\`${name}\``).join(', ')
  const parts = (panels ?? []).map((panel) => (panel.type === 'row' ? `**${panel.title}**` : describe(panel as Panel)))
  return [`## ${title}`, `Variables: ${variables}.`, ...parts].join('\n\n')
}

function describe({ title, type, description, targets, fieldConfig }: Panel): string {
  const { unit, thresholds } = fieldConfig!.defaults!
  const steps = thresholds!.steps.filter(({ value }) => value !== null)
  const limits = steps.map(({ value, color }) => `${color} from ${value}`).join(', ')
  const facts = [type, `unit \`${unit}\``, ...(limits ? [limits] : [])].join('; ')
  const queries = (targets ?? []).map((target) => (target as unknown as { expr: string }).expr)
  return [`### ${title}`, `${facts}.`, description, ['```promql', queries.join('\n\n'), '```'].join('\n')].join('\n\n')
}

function anchorOf(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-')
}
