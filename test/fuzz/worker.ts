import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { createRandom } from '../support/random.ts';
import { loadCorpus } from './corpus.ts';
import { mutate } from './mutate.ts';
import { createSharedInput } from './shared-input.ts';
import type { FuzzTarget } from './target.ts';
import { CONTROLS, TARGETS } from './targets/index.ts';

/** What a worker is told to do. */
export interface FuzzOrder {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number;
  readonly shared: SharedArrayBuffer;
}

/** What it tells. An input that hangs is told by nobody: it is in `shared`. */
export type FuzzNews =
  | { readonly kind: 'story'; readonly input: Uint8Array; readonly story: string }
  | { readonly kind: 'crash'; readonly input: Uint8Array; readonly error: string }
  | { readonly kind: 'done'; readonly executions: number; readonly stories: number };

const SAMPLE = 200;
const SHAPED_SHARE = 0.2;
/** One mistake is told once. */
const MAX_CRASHES = 20;

const order = workerData as FuzzOrder;
const target = [...TARGETS, ...CONTROLS].find(({ name }) => name === order.target);
if (target === undefined || parentPort === null) throw new Error(`no target ${order.target}`);
const port = parentPort;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const tell = (news: FuzzNews): void => port.postMessage(news);
tell(await fuzz(target));
// Targets may keep servers open.
process.exit(0);

async function fuzz(fuzzed: FuzzTarget): Promise<FuzzNews> {
  const { name, seeds, dictionary = [], arbitrary } = fuzzed;
  const random = createRandom(order.seed);
  const shared = createSharedInput(order.shared);
  const corpus = [...seeds, ...loadCorpus(name).values()];
  const shaped = function* (): Generator<Uint8Array> {
    if (arbitrary === undefined) return;
    for (let round = 0; ; round += 1) {
      yield* fc.sample(arbitrary, { numRuns: SAMPLE, seed: order.seed + round });
    }
  };
  const shapes = shaped();
  const stories = new Set<string>();
  const crashes = new Set<string>();
  let executions = 0;
  for (const until = Date.now() + order.milliseconds; Date.now() < until; executions += 1) {
    const shape = executions >= corpus.length && random.chance(SHAPED_SHARE) ? shapes.next().value : undefined;
    const input = corpus[executions] ?? shape ?? mutate(random, corpus, dictionary);
    shared.publish(input);
    try {
      const told = fuzzed.run(input);
      const story = simplify(typeof told === 'string' ? told : await told);
      if (stories.has(story)) continue;
      stories.add(story);
      if (executions < seeds.length) continue;
      corpus.push(input);
      tell({ kind: 'story', input, story });
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const where = simplify(message.split('\n').slice(0, 3).join('\n'));
      if (crashes.has(where) || crashes.size >= MAX_CRASHES) continue;
      crashes.add(where);
      tell({ kind: 'crash', input, error: message });
    }
  }
  return { kind: 'done', executions, stories: stories.size };
}

/** Without what differs from input to input. */
function simplify(story: string): string {
  return story
    .replaceAll(/\d+/g, '#')
    .replaceAll(/"[^"]*"/g, '"…"')
    .slice(0, 200);
}
