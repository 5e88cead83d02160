import { z } from 'zod';
import { CALLER_NAME, CALLER_NAME_RULE, CALLER_PERMISSIONS } from '../domain/caller.ts';
import { hashes, parseHashList } from './hash-list.ts';
import type { TokenCaller } from './token-callers.ts';

/** The callers of a tokens file, or everything that is wrong with it. */
export type ParsedTokenFile =
  | { readonly kind: 'valid'; readonly callers: readonly TokenCaller[] }
  /** None holds a value that was read: it may be a token, put there by mistake. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

const PERMISSIONS_RULE = `must be a list of ${CALLER_PERMISSIONS.join(', ')}`;
const ENTRY_RULE = 'must be a mapping with name, sha256 and permissions, and no other key';

const fileSchema = z
  .array(
    z.strictObject(
      {
        name: z.string(CALLER_NAME_RULE).regex(CALLER_NAME, CALLER_NAME_RULE),
        sha256: hashes,
        permissions: z
          .array(z.enum(CALLER_PERMISSIONS, PERMISSIONS_RULE), PERMISSIONS_RULE)
          .min(1, PERMISSIONS_RULE)
          .transform((permissions) => new Set(permissions)),
      },
      ENTRY_RULE,
    ),
    'must be a list of callers',
  )
  .min(1, 'has no caller');

/**
 * Parses a tokens file: a YAML list of `{name, sha256, permissions}`, in which `sha256` may be a list, so that an old and
 * a new token hold while callers change from one to the other.
 */
export function parseTokenFile(text: string): ParsedTokenFile {
  const parsed = parseHashList(text, fileSchema);
  return parsed.kind === 'invalid' ? parsed : { kind: 'valid', callers: parsed.entries };
}
