import type { PatternSegment, Route } from './route.ts';

/** The route of a path, and what stands in the places of its parameters. */
export interface TreeMatch {
  readonly route: Route;
  /** In the order of the parameters in the pattern. */
  readonly values: readonly string[];
}

/** Finds routes by method and segments. */
export type FindInTree = (method: string, segments: readonly string[]) => TreeMatch | undefined;

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  route: Route | undefined;
  /** The route whose pattern goes on with `**` from here. */
  rest: Route | undefined;
}

/**
 * A tree of patterns for each method. At each segment a literal is tried before a parameter, and both before the rest. A
 * branch that leads nowhere is left again, so that `/a/{x}/c` is found beside `/a/b/d`; a node is seen once at most. In a
 * table without ambiguities what is found first is the most specific one.
 */
export function createMatchTree(routes: readonly Route[], basePath: string): FindInTree {
  const roots = new Map<string, Node>();
  const base = basePath.split('/').slice(1);
  for (const route of routes) {
    const segments = [...base.map((text) => ({ kind: 'literal', text }) as const), ...route.segments];
    for (const method of route.methods) {
      const root = roots.get(method) ?? createNode();
      roots.set(method, root);
      insert(root, segments, route);
    }
  }
  return (method, segments) => {
    const root = roots.get(method);
    if (root === undefined) return undefined;
    const values: string[] = [];
    const route = walk(root, segments, 0, values);
    return route === undefined ? undefined : { route, values };
  };
}

function createNode(): Node {
  return { literals: new Map(), parameter: undefined, route: undefined, rest: undefined };
}

function insert(root: Node, segments: readonly PatternSegment[], route: Route): void {
  let node = root;
  for (const segment of segments) {
    switch (segment.kind) {
      case 'literal': {
        const next = node.literals.get(segment.text) ?? createNode();
        node.literals.set(segment.text, next);
        node = next;
        break;
      }
      case 'parameter':
        node.parameter ??= createNode();
        node = node.parameter;
        break;
      case 'rest':
        node.rest = route;
        return;
      default:
        segment satisfies never;
    }
  }
  node.route = route;
}

function walk(node: Node, segments: readonly string[], index: number, values: string[]): Route | undefined {
  const segment = segments[index];
  if (segment === undefined) return node.route;
  const literal = node.literals.get(segment);
  const found = literal === undefined ? undefined : walk(literal, segments, index + 1, values);
  if (found !== undefined) return found;
  if (node.parameter !== undefined && segment !== '') {
    values.push(segment);
    const under = walk(node.parameter, segments, index + 1, values);
    if (under !== undefined) return under;
    values.pop();
  }
  return node.rest;
}
