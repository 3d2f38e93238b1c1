/**
 * What a service is: a function from ports to routes, message consumers and periodic jobs. A world hosts it.
 */
import type { HttpServer } from './http-server.ts'
import type { Ports, RequestContext, ServiceRequest, ServiceResponse } from './ports.ts'
import { withSpans } from './traced-ports.ts'

export type RouteHandler = (request: ServiceRequest, context: RequestContext) => Promise<ServiceResponse>

export interface Route {
  /** `METHOD /templated/{path}`. */
  readonly route: string
  readonly handle: RouteHandler
}

/** A loop that runs as long as the process does (a consumer, a scheduler). It ends only with its process. */
export interface BackgroundLoop {
  readonly name: string
  run(): Promise<void>
}

export interface ServiceInstance {
  readonly routes: readonly Route[]
  /** Answers a request to one of the routes, with workers, metrics, spans and logs. */
  readonly server: HttpServer
  readonly loops: readonly BackgroundLoop[]
  /** Called before each scrape: brings gauges up to date that mirror some state. */
  readonly beforeScrape?: () => void
}

export interface ServiceDefinition<Config> {
  readonly name: string
  readonly port: number
  create(ports: Ports, config: Config): ServiceInstance
}

/** The service gets ports that make their spans by themselves. */
export function defineService<Config>(definition: ServiceDefinition<Config>): ServiceDefinition<Config> {
  return { ...definition, create: (ports, config) => definition.create(withSpans(ports), config) }
}
