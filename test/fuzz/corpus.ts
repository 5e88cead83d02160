import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('corpus/', import.meta.url));
/** More would only be more of the same. */
const MAX_KEPT = 40;
const MAX_KEPT_BYTES = 4_096;

/** The inputs that are kept for a target, by file name. */
export function loadCorpus(target: string): ReadonlyMap<string, Uint8Array> {
  const directory = join(ROOT, target);
  let names: string[];
  try {
    names = readdirSync(directory).toSorted();
  } catch {
    return new Map();
  }
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
}

/** Keeps an input: a crash or a hang always, what made a new story while there is room. @returns false if it is not kept. */
export function keep(target: string, input: Uint8Array, kind: 'story' | 'crash' | 'hang'): boolean {
  const kept = loadCorpus(target);
  if (kind === 'story' && (kept.size >= MAX_KEPT || input.length > MAX_KEPT_BYTES)) return false;
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 16);
  const name = kind === 'story' ? hash : `${kind}-${hash}`;
  if (kept.has(name)) return false;
  mkdirSync(join(ROOT, target), { recursive: true });
  writeFileSync(join(ROOT, target, name), input);
  return true;
}
