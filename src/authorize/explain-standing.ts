import type { Principal } from '../domain/principal.ts';
import type { CallContext } from './ports.ts';
import type { RelationshipReader, StoredRelationship } from './ports-lifecycle.ts';
import type { ExplainedObject } from './explanation.ts';

type ExplainedResource = Extract<ExplainedObject, { kind: 'resource' }>;

/** What is written of the object that a permission is asked on, as of now. `failed`: it could not be told. */
export type Standing =
  { readonly kind: 'read'; readonly relationships: readonly StoredRelationship[] } | { readonly kind: 'failed' };

const MAX_SHOWN = 8;
const TENANT = 'tenant';

/** Reads what is written of an object. Never rejects: whoever explains has more to say than this. */
export async function readStanding(
  object: ExplainedResource,
  reader: Pick<RelationshipReader, 'read'>,
  context: CallContext,
): Promise<Standing> {
  try {
    const { relationships } = await reader.read({ object }, context);
    return { kind: 'read', relationships };
  } catch {
    return { kind: 'failed' };
  }
}

/** Says in a sentence what is written of an object to which a permission was denied; undefined if it could not be told. */
export function describeStanding(
  standing: Standing,
  object: ExplainedResource,
  principal: Principal,
): string | undefined {
  if (standing.kind === 'failed') return undefined;
  const { relationships } = standing;
  const name = `${object.type}:${object.id}`;
  if (relationships.length === 0) {
    return `nothing is written of ${name}: it is not registered, so nobody holds anything on it (taskgate reconcile --apply registers it if it has a row)`;
  }
  const accounts = relationships
    .filter(({ subject }) => subject.type === TENANT)
    .map(({ subject }) => subject.id ?? '?');
  const place = accounts.includes(principal.account) ? '' : `${toPlace(name, accounts, principal.account)}; `;
  const order = ({ subject }: StoredRelationship): number => {
    if (subject.type === TENANT) return 0;
    return subject.type === principal.kind && subject.id === principal.id ? 1 : 2;
  };
  const texts = relationships.toSorted((a, b) => order(a) - order(b)).map(formatRelationship);
  const more = texts.length > MAX_SHOWN ? ` and ${texts.length - MAX_SHOWN} more` : '';
  return `${place}what is written of ${name} is ${texts.slice(0, MAX_SHOWN).join(', ')}${more}`;
}

function toPlace(name: string, accounts: readonly string[], account: string): string {
  if (accounts.length === 0) return `${name} is of no account`;
  return `${name} is of the account ${accounts.join(', ')}, and the principal acts in ${account}`;
}

function formatRelationship({ relation, subject }: StoredRelationship): string {
  const suffix = subject.relation === '' ? '' : `#${subject.relation}`;
  return `${relation} ${subject.type}:${subject.id ?? '?'}${suffix}`;
}
