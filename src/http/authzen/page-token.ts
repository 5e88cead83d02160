import { createHash } from 'node:crypto';
import type { ListPosition } from '../../authorize/list-readable-tasks.ts';
import { createTokenSealer } from '../../calls/seal-token.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { JsonObject, JsonValue } from '../../domain/json-value.ts';
import { isJsonObject } from '../../domain/json-value.ts';

/** What is searched, and with which values: all that must stay as it is from page to page. */
export interface Searched {
  readonly kind: 'subject' | 'resource' | 'action';
  readonly request: JsonObject;
}

/** Positions in what was found, as opaque text that is good for the same search only. */
export interface PageTokens {
  seal(position: ListPosition, searched: Searched): string;
  /** @throws InvalidArgumentError for anything that was not sealed for this search. */
  open(token: string, searched: Searched): ListPosition;
}

const VERSION = 1;

/** @param secrets the first signs, all verify. */
export function createPageTokens(secrets: readonly [string, ...string[]]): PageTokens {
  const sealer = createTokenSealer(secrets);
  return {
    seal: ({ snapshot, afterId }, searched) =>
      sealer.seal(Buffer.from(JSON.stringify([VERSION, snapshot, afterId])), purposeOf(searched)),
    open(token, searched) {
      const payload = sealer.open(token, purposeOf(searched));
      const position = payload && parsePayload(payload);
      if (position !== undefined) return position;
      throw new InvalidArgumentError('page.token', 'is not one that this search gave: nothing else may be changed');
    },
  };
}

function purposeOf({ kind, request }: Searched): readonly string[] {
  return ['taskgate search page', kind, createHash('sha256').update(toCanonical(request)).digest('hex')];
}

/** The same text for the same value, in whatever order its keys came. */
function toCanonical(value: JsonValue): string {
  if (isJsonObject(value)) {
    const keys = Object.keys(value).toSorted();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${toCanonical(value[key] ?? null)}`).join()}}`;
  }
  return Array.isArray(value) ? `[${value.map(toCanonical).join()}]` : JSON.stringify(value);
}

function parsePayload(payload: Buffer): ListPosition | undefined {
  const value: unknown = JSON.parse(payload.toString());
  if (!Array.isArray(value) || value[0] !== VERSION) return undefined;
  const [, snapshot, afterId]: unknown[] = value;
  return typeof snapshot === 'string' && typeof afterId === 'string' ? { snapshot, afterId } : undefined;
}
