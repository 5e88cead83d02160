import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsSource } from '../authorize/ports-callers.ts';

/** TLS credentials whose certificate, key and authority are those of the source; later ones are for new connections. */
class ReloadingCredentials extends ServerCredentials {
  constructor(tls: TlsSource) {
    super({ ...tls.server }, { ...tls.current() });
    tls.onChange((material) => this.updateSecureContextOptions({ ...material }));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** Credentials for the gRPC listener; without a source it speaks in plain text. */
export function createServerCredentials(tls: TlsSource | undefined): ServerCredentials {
  return tls === undefined ? ServerCredentials.createInsecure() : new ReloadingCredentials(tls);
}
