import type { ParentLookup } from '../authorize/ports.ts';

/** For types whose id is the id of their parent, as a checkpoint's thread id is its task's: there is nothing to look up. */
export const SAME_ID_PARENTS: ParentLookup = {
  peek: ({ value }) => ({ kind: 'found', id: value }),
  async lookup(keys) {
    return keys.map(({ value }) => ({ kind: 'found', id: value }));
  },
};
