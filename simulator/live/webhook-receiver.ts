/** Receives what Alertmanager sends, as a pager would, and keeps it in order. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import type { Labels } from '../judge/judge.ts'

export interface Notification {
  /** When it arrived, Unix milliseconds of the machine. */
  readonly receivedAtMs: number
  readonly status: 'firing' | 'resolved'
  /** External labels of Prometheus included. */
  readonly labels: Labels
  readonly annotations: Labels
  /** When Prometheus saw it fire, and when it saw it resolved, Unix milliseconds of the machine. */
  readonly startsAtMs: number
  readonly endsAtMs: number
}

export interface WebhookReceiver {
  readonly url: string
  readonly notifications: readonly Notification[]
  close(): void
}

const labelsSchema = z.record(z.string(), z.string())

/** What of Alertmanager's message (version 4) is read. */
const payloadSchema = z.object({
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: labelsSchema,
      annotations: labelsSchema.nullish().transform((annotations) => annotations ?? {}),
      startsAt: z.iso.datetime({ offset: true }),
      endsAt: z.iso.datetime({ offset: true }),
    }),
  ),
})

const bodyBytesMax = 4_000_000

/**
 * @param path that only the Alertmanager of this run knows
 * @param at where it listens; some free port of this machine when left out
 */
export function startWebhookReceiver(
  path: string,
  nowMs: () => number,
  onNotification: (notification: Notification) => void = () => {},
  at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<WebhookReceiver> {
  const notifications: Notification[] = []
  const server = createServer(async (request, response) => {
    const answer = (status: number) => response.writeHead(status).end()
    if (request.method !== 'POST' || request.url !== path) return answer(404)
    // Alertmanager sends none; a page in a browser does.
    if (request.headers.origin !== undefined) return answer(403)
    let payload: z.infer<typeof payloadSchema>
    try {
      let text = ''
      for await (const chunk of request.setEncoding('utf8')) {
        text += chunk
        if (text.length > bodyBytesMax) return answer(413)
      }
      payload = payloadSchema.parse(JSON.parse(text))
    } catch {
      // No message of Alertmanager, or cut off.
      return answer(400)
    }
    for (const { status, labels, annotations, startsAt, endsAt } of payload.alerts) {
      const notification: Notification = {
        receivedAtMs: nowMs(),
        status,
        labels,
        annotations,
        startsAtMs: Date.parse(startsAt),
        endsAtMs: Date.parse(endsAt),
      }
      notifications.push(notification)
      onNotification(notification)
    }
    return answer(200)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => {
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://${at.host}:${port}${path}`,
        notifications,
        close() {
          server.close()
          server.closeAllConnections()
        },
      })
    })
  })
}
