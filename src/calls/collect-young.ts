import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects the young generation: about a millisecond.
 *
 * V8 collects it when its own part of the heap is full, and the memory of buffers is none of that: requests that are
 * refused one after the other leave up to 64 MiB of them behind before it looks.
 */
export function createYoungCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return () => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [{ type: 'minor' }]);
  };
}
