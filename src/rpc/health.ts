import { HealthImplementation } from 'grpc-health-check';
import { AuthorizationService } from '../gen/taskgate/v1/authorization_pb.js';

/** The health service v1: `""` and the authorization service share one status, which follows readiness. */
export function createHealth(): { readonly implementation: HealthImplementation; setReady(isReady: boolean): void } {
  const implementation = new HealthImplementation({
    '': 'NOT_SERVING',
    [AuthorizationService.typeName]: 'NOT_SERVING',
  });
  return {
    implementation,
    setReady(isReady) {
      for (const service of ['', AuthorizationService.typeName]) {
        implementation.setStatus(service, isReady ? 'SERVING' : 'NOT_SERVING');
      }
    },
  };
}
