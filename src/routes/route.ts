import type { Consistency } from '../domain/consistency.ts';
import type { Operation } from '../domain/operation.ts';

/** One segment of a pattern: what stands between two slashes. */
export type PatternSegment =
  /** Compared with the decoded segment, case included. */
  | { readonly kind: 'literal'; readonly text: string }
  /** Any one segment that is not empty. */
  | { readonly kind: 'parameter'; readonly name: string }
  /** One segment or more, to the end. Last only. */
  | { readonly kind: 'rest' };

/** Where an id or a name comes from. */
export type Template =
  | { readonly kind: 'literal'; readonly text: string }
  /** Parameters of the path. Several are joined by a slash, which no segment can contain. */
  | { readonly kind: 'path'; readonly names: readonly string[] }
  | { readonly kind: 'query'; readonly name: string }
  /** A text in the JSON body, by its keys from the top. */
  | { readonly kind: 'body'; readonly keys: readonly string[] }
  /** A text in the `params` of a JSON-RPC call, by its keys from there. */
  | { readonly kind: 'params'; readonly keys: readonly string[] };

/** With both, a request must give exactly one of the two. */
export interface ResourceTemplate {
  readonly type: string;
  /** The literal `*` is a resource that does not exist yet. */
  readonly id?: Template;
  readonly name?: Template;
}

/** A check with places that a request fills. */
export interface CheckTemplate {
  readonly resource: ResourceTemplate;
  readonly operation: Operation;
  readonly consistency: Consistency;
  readonly createIfAbsent: boolean;
  /** A request that gives neither id nor name creates one. */
  readonly createIfUnnamed: boolean;
  /** A request that gives neither id nor name is not checked for this. */
  readonly ifGiven: boolean;
  readonly parent?: ResourceTemplate;
}

/** What a route asks of a request. Whatever is in `also` must hold too. */
export type RouteAction =
  | { readonly kind: 'public' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'check'; readonly check: CheckTemplate; readonly also: readonly CheckTemplate[] }
  | {
      readonly kind: 'json_rpc';
      /** By the name of the method. Others are refused. */
      readonly methods: ReadonlyMap<string, CheckTemplate>;
      readonly also: readonly CheckTemplate[];
    };

/** One entry of the route table. */
export interface Route {
  /** At least one, each once. */
  readonly methods: readonly string[];
  /** As written, without the base path. */
  readonly path: string;
  readonly segments: readonly PatternSegment[];
  readonly action: RouteAction;
}
