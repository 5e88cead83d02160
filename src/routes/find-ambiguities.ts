import { relatePatterns, toShape } from './relate-patterns.ts';
import type { Route } from './route.ts';

/** Two routes for one method of which it is not clear which one a request has. */
export interface Ambiguity {
  /** Places in the table; `second` is the later one. */
  readonly first: number;
  readonly second: number;
  readonly message: string;
}

interface Placed {
  readonly route: Route;
  readonly index: number;
}

/**
 * Finds routes that match the same paths, and routes that match some path in common where neither is more specific at
 * each segment, unless a third one matches exactly what they have in common.
 *
 * @param routes by their place in the table; undefined for an entry that can't be told
 */
export function findAmbiguities(routes: readonly (Route | undefined)[]): readonly Ambiguity[] {
  const byMethod = new Map<string, Placed[]>();
  for (const [index, route] of routes.entries()) {
    for (const method of route?.methods ?? []) {
      const group = byMethod.get(method) ?? [];
      byMethod.set(method, group);
      if (route !== undefined) group.push({ route, index });
    }
  }
  const found = new Map<string, Ambiguity>();
  for (const [method, group] of byMethod) {
    const shapes = new Set(group.map(({ route }) => toShape(route.segments)));
    for (const [at, second] of group.entries()) {
      for (const first of group.slice(0, at)) {
        const message = describe(method, first.route, second.route, shapes);
        const key = `${first.index} ${second.index}`;
        if (message === undefined || found.has(key)) continue;
        found.set(key, { first: first.index, second: second.index, message });
      }
    }
  }
  return [...found.values()];
}

function describe(method: string, a: Route, b: Route, shapes: ReadonlySet<string>): string | undefined {
  const relation = relatePatterns(a.segments, b.segments);
  switch (relation.kind) {
    case 'same':
      return `matches what ${method} ${a.path} matches`;
    case 'crossed': {
      const shape = toShape(relation.meet);
      return shapes.has(shape)
        ? undefined
        : `is ambiguous with ${method} ${a.path}: add a route for ${method} ${shape}, which both match`;
    }
    case 'disjoint':
    case 'ordered':
      return undefined;
    default:
      return relation satisfies never;
  }
}
