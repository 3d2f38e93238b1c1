/**
 * The colours of all dashboards: one per state, service and kind of value, so that red means the same everywhere and a
 * service keeps its colour from page to page. Red, orange, yellow and green are states; no service has one of them.
 */

/** What a state looks like. Names of Grafana's theme: they suit the light and the dark page. */
export const states = {
  good: 'green',
  /** Not yet wrong, to be watched. */
  warning: 'yellow',
  bad: 'orange',
  alert: 'red',
  busy: 'blue',
  unknown: 'text',
} as const

export const services: Readonly<Record<string, string>> = {
  'backend-api': '#3274D9',
  'ml-engine': '#A352CC',
  'data-pipeline': '#0FA3A3',
  postgres: '#5E7FB1',
  redis: '#E06FA0',
  kafka: '#8D6E63',
  loki: '#7B8794',
  jaeger: '#47B5D8',
  prometheus: '#7C5CBF',
  'node-exporter': '#90A17D',
  cadvisor: '#4F7F86',
}

/** Light to dark: the further into the tail, the darker. */
export const percentiles = { p50: '#8AB8FF', p95: '#3274D9', p99: '#1B3F8B' } as const

/** By class of the HTTP status, as a regular expression on the series' name. */
export const httpStatuses: Readonly<Record<string, string>> = {
  '/^2\\d\\d$/': states.good,
  '/^3\\d\\d$/': states.busy,
  '/^4\\d\\d$/': states.warning,
  '/^5\\d\\d$/': states.alert,
}

export const lookUps = { hits: states.good, misses: states.bad } as const

export const jobOutcomes = { completed: states.good, failed: states.alert } as const

export const networkDirections = { in: '#3274D9', out: '#A352CC' } as const

export const diskDirections = { read: '#0FA3A3', written: '#8D6E63' } as const

export const qualityMeasures = { NDCG: '#3274D9', MAP: '#A352CC', precision: '#0FA3A3', recall: '#8D6E63' } as const

/** Short to long: the shorter the window, the lighter. */
export const burnWindows = {
  '5m': '#C0D8FF',
  '30m': '#8AB8FF',
  '1h': '#3274D9',
  '6h': '#1B3F8B',
  '3d': '#A352CC',
} as const
