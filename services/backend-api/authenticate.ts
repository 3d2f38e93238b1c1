/** Who is asking: the bearer token names tenant and user; sessions live in the cache, and in the database behind it. */
import { HttpError } from '../runtime/http-server.ts'
import type { Ports, RequestContext, ServiceRequest } from '../runtime/ports.ts'
import type { Tenant } from '../runtime/tenant.ts'
import type { BackendApiConfig } from './config.ts'
import type { Dependencies } from './dependencies.ts'

export interface Claim {
  readonly tenant: Tenant
  readonly userId: string
}

export type Authenticate = ReturnType<typeof createAuthenticate>

export function createAuthenticate(ports: Ports, config: BackendApiConfig, dependencies: Dependencies) {
  const tenants = new Map(config.tenants.map((tenant) => [tenant.id, tenant]))

  return {
    /** What the token says, unproven. @throws HttpError 401 when it says nothing we know */
    claim(request: ServiceRequest): Claim {
      const token = request.headers.authorization ?? ''
      // `Bearer <tenant>/<user>`; the signature is not modelled, a wrong one comes as an unknown tenant.
      const slash = token.indexOf('/')
      const tenant = tenants.get(token.slice(7, slash))
      if (!token.startsWith('Bearer ') || slash < 0 || !tenant) {
        throw new HttpError(401, 'unauthenticated', 'the token is not valid')
      }
      return { tenant, userId: token.slice(slash + 1) }
    },

    /** Proves the claim against the session store. @throws HttpError 403, DependencyError */
    async prove(claim: Claim, context: RequestContext): Promise<void> {
      const span = ports.tracer.startChild('authenticate', context.span)
      try {
        const key = `${claim.tenant.id}/${claim.userId}`
        if ((await dependencies.cached('sessions', key, context)) === undefined) {
          await dependencies.query(
            {
              type: 'select',
              table: 'users',
              statement: 'SELECT id, tenant_id, role FROM users WHERE tenant_id = $1 AND id = $2',
              rows: 1,
            },
            context,
          )
          await dependencies.keep('sessions', key, true, { bytes: 180, ttlMs: config.sessionTtl }, context)
        }
        if (claim.tenant.status === 'suspended') throw new HttpError(403, 'suspended', 'the tenant is suspended')
      } catch (error) {
        span?.fail(error as Error)
        throw error
      } finally {
        span?.end()
      }
    },
  }
}
