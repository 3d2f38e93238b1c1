/** Runs the service as a process of the live world. */
import { runService } from '../runtime/live/run-service.ts'
import { backendApi } from './service.ts'

await runService(backendApi)
