import { loadConfig } from '../../src/config/load-config.ts';
import { deregister } from '../../src/lifecycle/deregister-resource.ts';
import { register } from '../../src/lifecycle/register-resource.ts';
import { createTenantGates } from '../../src/lifecycle/tenant-gates.ts';
import type { Sidecar } from './sidecar.ts';
import type { CrashStores } from './stores.ts';
import { callContext } from './stores.ts';
import { readTruth } from './truth.ts';

/**
 * Repairs both drifts. A stand-in for `taskgate reconcile --apply --grace 0 --state FILE --report FILE` with
 * `sidecar.env`: it uses the lifecycle's own functions, and knows nothing of what the run has asked for.
 *
 * @throws Error if it can't tell, or can't repair what it found.
 */
export async function reconcileAll(stores: CrashStores, sidecar: Sidecar): Promise<void> {
  const { writer, reader } = stores.chain;
  const loaded = loadConfig({ env: sidecar.env, readFile: () => '' }, { mode: 'serve' });
  if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
  const registrationOf = (type: string) => {
    const registration = loaded.config.registrations.find((candidate) => candidate.type === type);
    if (registration === undefined) throw new Error(`no registration of ${type}`);
    return registration;
  };
  const { rows, relationships } = await readTruth(stores);
  // What has no account has no tie to a tenant that would have to go first: any account will do.
  for (const [id, { type, account = 'none' }] of relationships) {
    if (rows.has(id)) continue;
    await deregister(writer, { registration: registrationOf(type), id, account }, callContext());
  }
  const deps = { writer, reader, tenantGates: createTenantGates({ reader }) };
  for (const { type, id, owner, account, parent } of rows.values()) {
    if (relationships.has(id)) continue;
    const principal = { kind: 'user', id: owner, account } as const;
    const wanted = { registration: registrationOf(type), id, owner: principal, parentId: parent };
    await register(deps, wanted, callContext());
  }
}
