/** A mapping that came from outside. Its keys are own properties; `__proto__` is never one of them. */
export type Tree = Record<string, unknown>;

/** True for a mapping; false for a list, null and every scalar. */
export function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Puts the value at the path, making the mappings on the way. */
export function writeTo(tree: Tree, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    tree[key] = value;
    return;
  }
  const existing = tree[key];
  const child = isTree(existing) ? existing : {};
  tree[key] = child;
  writeTo(child, rest, value);
}

/** Removes what is at the path. What is inside a list takes the whole list with it, so that indices keep their meaning. */
export function prune(tree: Tree, path: readonly PropertyKey[]): void {
  const firstIndex = path.findIndex((segment) => typeof segment === 'number');
  const keys = (firstIndex === -1 ? path : path.slice(0, firstIndex)).map(String);
  let parent = tree;
  for (const key of keys.slice(0, -1)) {
    const next = parent[key];
    if (!isTree(next)) return;
    parent = next;
  }
  const last = keys.at(-1);
  if (last !== undefined) delete parent[last];
}
