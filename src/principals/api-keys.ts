import { z } from 'zod';
import type { ParsedHashList } from '../callers/hash-list.ts';
import { hashes, parseHashList } from '../callers/hash-list.ts';
import { CALLER_NAME, CALLER_NAME_RULE } from '../domain/caller.ts';
import type { Principal } from '../domain/principal.ts';
import { toPrincipal } from './to-principal.ts';

/** A principal, and the SHA-256 of each key that proves it. */
export interface KeyedPrincipal {
  /** For whoever edits the file. */
  readonly name: string;
  readonly sha256: readonly string[];
  readonly principal: Principal;
}

const PRINCIPAL_RULE = 'must be a mapping with account_id and one of user_id, service_account_id, agent_id';
const ENTRY_RULE = 'must be a mapping with name, sha256 and principal, and no other key';
const id = () => z.string(PRINCIPAL_RULE).exactOptional();

const principalSchema = z
  .strictObject({ user_id: id(), service_account_id: id(), agent_id: id(), account_id: id() }, PRINCIPAL_RULE)
  .transform((found, context) => {
    const proved = toPrincipal(found);
    if (proved.kind === 'principal') return proved.principal;
    context.addIssue(PRINCIPAL_RULE);
    return z.NEVER;
  });

const fileSchema = z
  .array(
    z.strictObject(
      {
        name: z.string(CALLER_NAME_RULE).regex(CALLER_NAME, CALLER_NAME_RULE),
        sha256: hashes,
        principal: principalSchema,
      },
      ENTRY_RULE,
    ),
    'must be a list of keys',
  )
  .min(1, 'has no key');

/** Parses a file of API keys: a YAML list of `{name, sha256, principal}`, with hashes as in a tokens file. */
export function parseApiKeyFile(text: string): ParsedHashList<KeyedPrincipal> {
  return parseHashList(text, fileSchema);
}
