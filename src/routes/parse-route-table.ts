import type { TypeModel } from '../domain/type-model.ts';
import { findAmbiguities } from './find-ambiguities.ts';
import { parseRoute } from './parse-route.ts';
import type { Route } from './route.ts';
import type { ReportAt, TableProblem } from './table-problem.ts';

/** A table that can be used, or everything that is wrong with it. */
export type ParsedRouteTable =
  | { readonly kind: 'valid'; readonly routes: readonly Route[] }
  | { readonly kind: 'invalid'; readonly problems: readonly TableProblem[] };

/** Every two routes of one method are compared. */
const MAX_ROUTES = 1_000;

/** Parses a list of routes from a YAML tree, against the configured types. */
export function parseRouteTable(tree: unknown, types: TypeModel): ParsedRouteTable {
  const problems: TableProblem[] = [];
  const report: ReportAt = (path, message, type) => {
    problems.push({ path, message, ...(type === undefined ? {} : { type }) });
  };
  if (!Array.isArray(tree) || tree.length === 0 || tree.length > MAX_ROUTES) {
    report([], `must be a list of 1 to ${MAX_ROUTES} routes`);
    return { kind: 'invalid', problems };
  }
  const routes = tree.map((entry: unknown, index) =>
    parseRoute(entry, types, (path, ...rest) => report([index, ...path], ...rest)),
  );
  for (const { first, second, message } of findAmbiguities(routes)) {
    report([second, 'match'], `${message} (routes[${first}])`);
  }
  const parsed = routes.filter((route) => route !== undefined);
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'valid', routes: parsed };
}
