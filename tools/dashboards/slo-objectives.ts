/** The objectives of the API, as slo-rules.yml has them; a test compares the two. */

export const objectives = {
  availability: {
    text: '99.5 % of the requests are not answered with 5xx',
    budget: 0.005,
    alerts: 'SloAvailabilityBurnFast, -Medium, -Slow',
  },
  latency: {
    text: '99 % of the requests are answered within a second',
    budget: 0.01,
    alerts: 'SloLatencyBurnFast, -Medium, -Slow',
  },
} as const

/** How many times faster than allowed the budget is spent when each alert fires. */
export const burnFactors = { fast: 14.4, medium: 6, slow: 1 } as const
