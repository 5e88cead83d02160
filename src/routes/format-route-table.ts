import { formatTemplate } from './parse-template.ts';
import type { CheckTemplate, ResourceTemplate, Route } from './route.ts';

/** The tree that parses to the same routes. */
export function formatRouteTable(routes: readonly Route[]): readonly Readonly<Record<string, unknown>>[] {
  return routes.map(({ methods, path, action }) => {
    const match = `${methods.join(',')} ${path}`;
    switch (action.kind) {
      case 'public':
      case 'authenticated':
        return { match, [action.kind]: true };
      case 'check':
        return { match, check: formatCheck(action.check), ...formatAlso(action.also) };
      case 'json_rpc': {
        const entries = [...action.methods].map(([method, check]) => [method, formatCheck(check)] as const);
        return { match, json_rpc: Object.fromEntries(entries), ...formatAlso(action.also) };
      }
      default:
        return action satisfies never;
    }
  });
}

function formatAlso(also: readonly CheckTemplate[]) {
  return also.length === 0 ? {} : { also: also.map(formatCheck) };
}

function formatCheck(check: CheckTemplate) {
  return {
    ...formatResource(check.resource),
    operation: check.operation,
    ...(check.consistency.kind === 'minimize_latency' ? {} : { consistency: check.consistency.kind }),
    ...(check.createIfAbsent ? { create_if_absent: true } : {}),
    ...(check.createIfUnnamed ? { create_if_unnamed: true } : {}),
    ...(check.ifGiven ? { if_given: true } : {}),
    ...(check.parent === undefined ? {} : { parent: formatResource(check.parent) }),
  };
}

function formatResource({ type, id, name }: ResourceTemplate) {
  return {
    type,
    ...(id === undefined ? {} : { id: formatTemplate(id) }),
    ...(name === undefined ? {} : { name: formatTemplate(name) }),
  };
}
