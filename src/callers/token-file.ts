import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { CALLER_NAME, CALLER_NAME_RULE, CALLER_PERMISSIONS } from '../domain/caller.ts';
import type { TokenCaller } from './token-callers.ts';

/** The callers of a tokens file, or everything that is wrong with it. */
export type ParsedTokenFile =
  | { readonly kind: 'valid'; readonly callers: readonly TokenCaller[] }
  /** None holds a value that was read: it may be a token, put there by mistake. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Every call compares with each of them. */
const MAX_HASHES = 256;
const MAX_PROBLEMS = 20;
const SHA256_RULE = 'must be a SHA-256 in 64 lower-case hex digits, or a list of them: see taskgate hash-token';
const PERMISSIONS_RULE = `must be a list of ${CALLER_PERMISSIONS.join(', ')}`;
const ENTRY_RULE = 'must be a mapping with name, sha256 and permissions, and no other key';

const sha256 = z.string(SHA256_RULE).regex(/^[0-9a-f]{64}$/, SHA256_RULE);

const fileSchema = z
  .array(
    z.strictObject(
      {
        name: z.string(CALLER_NAME_RULE).regex(CALLER_NAME, CALLER_NAME_RULE),
        sha256: z.union([sha256, z.array(sha256).min(1, SHA256_RULE)], SHA256_RULE),
        permissions: z.array(z.enum(CALLER_PERMISSIONS, PERMISSIONS_RULE), PERMISSIONS_RULE).min(1, PERMISSIONS_RULE),
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
  const lines = new LineCounter();
  // A hash must stay text, also one that looks like a number.
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) {
    const { line, col } = lines.linePos(mistake.pos[0]);
    return { kind: 'invalid', problems: [`line ${line}, column ${col}: is not valid YAML`] };
  }
  const parsed = fileSchema.safeParse(toValue(document));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${toPlace(path)}${message}`);
    return { kind: 'invalid', problems: problems.slice(0, MAX_PROBLEMS) };
  }
  const callers = parsed.data.map((entry) => ({
    name: entry.name,
    sha256: [entry.sha256].flat(),
    permissions: new Set(entry.permissions),
  }));
  const problems = findRepeated(callers);
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'valid', callers };
}

function toValue(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    // An alias: the file would be read otherwise than it looks.
    return undefined;
  }
}

function toPlace([index, ...keys]: readonly PropertyKey[]): string {
  if (index === undefined) return '';
  return `entry ${Number(index) + 1}${keys
    .slice(0, 1)
    .map((key) => `, ${String(key)}`)
    .join('')}: `;
}

function findRepeated(callers: readonly TokenCaller[]): string[] {
  const names = new Set<string>();
  const hashes = new Set<string>();
  const problems: string[] = [];
  for (const [index, caller] of callers.entries()) {
    if (names.has(caller.name)) problems.push(`entry ${index + 1}, name: is the name of an earlier caller too`);
    names.add(caller.name);
    for (const digest of caller.sha256) {
      if (hashes.has(digest)) problems.push(`entry ${index + 1}, sha256: is there twice`);
      hashes.add(digest);
    }
  }
  if (hashes.size > MAX_HASHES) problems.push(`has more than ${MAX_HASHES} hashes`);
  return problems.slice(0, MAX_PROBLEMS);
}
