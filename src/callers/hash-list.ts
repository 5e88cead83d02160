import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** The entries of a file of hashes, or everything that is wrong with it. */
export type ParsedHashList<Entry> =
  | { readonly kind: 'valid'; readonly entries: readonly Entry[] }
  /** None holds a value that was read: it may be a token, put there by mistake. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** What each entry has. */
interface Named {
  readonly name: string;
  readonly sha256: readonly string[];
}

/** Every call compares with each of them. */
const MAX_HASHES = 256;
const MAX_PROBLEMS = 20;
const SHA256_RULE = 'must be a SHA-256 in 64 lower-case hex digits, or a list of them: see taskgate hash-token';

const digest = z.string(SHA256_RULE).regex(/^[0-9a-f]{64}$/, SHA256_RULE);

/** `sha256` of an entry: one or a list, so that an old and a new token hold while their users change. */
export const hashes = z
  .union([digest, z.array(digest).min(1, SHA256_RULE)], SHA256_RULE)
  .transform((one): readonly string[] => [one].flat());

/** Parses a YAML list of entries, no two of which have a name or a hash in common. */
export function parseHashList<Entry extends Named>(
  text: string,
  schema: z.ZodType<readonly Entry[]>,
): ParsedHashList<Entry> {
  const lines = new LineCounter();
  // A hash must stay text, also one that looks like a number.
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) {
    const { line, col } = lines.linePos(mistake.pos[0]);
    return { kind: 'invalid', problems: [`line ${line}, column ${col}: is not valid YAML`] };
  }
  const parsed = schema.safeParse(toValue(document));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${toPlace(path)}${message}`);
    return { kind: 'invalid', problems: problems.slice(0, MAX_PROBLEMS) };
  }
  const problems = findRepeated(parsed.data);
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'valid', entries: parsed.data };
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

function findRepeated(entries: readonly Named[]): string[] {
  const names = new Set<string>();
  const digests = new Set<string>();
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    if (names.has(entry.name)) problems.push(`entry ${index + 1}, name: is the name of an earlier caller too`);
    names.add(entry.name);
    for (const sha256 of entry.sha256) {
      if (digests.has(sha256)) problems.push(`entry ${index + 1}, sha256: is there twice`);
      digests.add(sha256);
    }
  }
  if (digests.size > MAX_HASHES) problems.push(`has more than ${MAX_HASHES} hashes`);
  return problems.slice(0, MAX_PROBLEMS);
}
