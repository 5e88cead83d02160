import type { TraceNode } from './ports-explain.ts';

const TENANT = 'tenant';

/**
 * Tells which steps are on the way that decided: they came out as the whole did. A role that is missing on an object that
 * gives another one is none of them: what is denied there is not denied for want of a role.
 */
export function createDecides(root: TraceNode): (node: TraceNode) => boolean {
  const giving = new Set(
    allLeavesOf(root)
      .filter(({ result }) => result === 'held')
      .map(objectOf),
  );
  const isHeld = root.result === 'held';
  return (node) => {
    if ((node.result === 'held') !== isHeld) return false;
    const isMissing =
      !isHeld && (node.isRelation || node.wasCached) && node.children.length === 0 && node.caveat === undefined;
    return !isMissing || !giving.has(objectOf(node));
  };
}

/** The relations that hold and decide, such as `task:task-1#owner@user:alice`; empty for a denial. */
export function grantsOf(root: TraceNode): readonly string[] {
  if (root.result !== 'held') return [];
  return unique(
    decidingLeavesOf(root)
      .filter((leaf) => isGrant(leaf, root))
      .map(formatGrant),
  );
}

/** True if the engine had what decides in its cache, and so does not say by which relations. */
export function isUntold(root: TraceNode): boolean {
  return root.wasCached && !root.isRelation;
}

/** What the engine had in its cache it does not say the kind of. Below what was asked it is all that is known. */
function isGrant(leaf: TraceNode, root: TraceNode): boolean {
  return leaf.isRelation || (leaf.wasCached && leaf !== root);
}

/** The accounts whose gate lets nobody of the principal's kind in: it was not found, or was not written. */
export function closedGatesOf(root: TraceNode): readonly string[] {
  if (root.result === 'held') return [];
  const missing = decidingLeavesOf(root).filter((leaf) => leaf.caveat === undefined && isGrant(leaf, root));
  return unique(missing.filter(({ objectType }) => objectType === TENANT).map(({ objectId }) => objectId));
}

/** The relations that were looked for and not found, such as `task:task-1#owner`; empty if the permission is held. */
export function missingGrantsOf(root: TraceNode): readonly string[] {
  if (root.result === 'held') return [];
  const missing = decidingLeavesOf(root).filter((leaf) => leaf.caveat === undefined && isGrant(leaf, root));
  return unique(missing.map((leaf) => `${objectOf(leaf)}#${leaf.name}`));
}

/** The caveats that kept a relation from holding, in words. */
export function caveatsThatDeny(root: TraceNode): readonly string[] {
  if (root.result === 'held') return [];
  return unique(
    decidingLeavesOf(root).flatMap(({ caveat }) => {
      if (caveat === undefined || caveat.result === 'true') return [];
      const context = Object.entries(caveat.context)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
      return [`the caveat ${caveat.name} (${caveat.expression}) is ${caveat.result} for ${context.join(', ')}`];
    }),
  );
}

/** True if nothing of the object was found at all: neither a role, nor a tie to anything else. */
export function isBare(root: TraceNode): boolean {
  return (
    !root.wasCached && allLeavesOf(root).every((leaf) => leaf.result === 'denied' && objectOf(leaf) === objectOf(root))
  );
}

function decidingLeavesOf(root: TraceNode): readonly TraceNode[] {
  const decides = createDecides(root);
  const walk = (node: TraceNode): readonly TraceNode[] => {
    if (!decides(node)) return [];
    return node.children.length === 0 ? [node] : node.children.flatMap(walk);
  };
  return walk(root);
}

function allLeavesOf(node: TraceNode): readonly TraceNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(allLeavesOf);
}

function objectOf({ objectType, objectId }: TraceNode): string {
  return `${objectType}:${objectId}`;
}

function formatGrant(node: TraceNode): string {
  return `${objectOf(node)}#${node.name}@${node.subject}${node.caveat === undefined ? '' : `[${node.caveat.name}]`}`;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
