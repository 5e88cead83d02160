import type { Clock, RelationshipWriter, Relationships, SchemaCheck } from '../authorize/ports.ts';
import { createCoalescingRelationships } from './coalescing-relationships.ts';
import type { CoalescingOptions } from './coalescing-relationships.ts';
import { createSpiceDbClient } from './spicedb-client.ts';
import type { SpiceDbClient, SpiceDbOptions } from './spicedb-client.ts';
import { createSpiceDbRelationships } from './spicedb-relationships.ts';
import { createSpiceDbSchemaCheck } from './spicedb-schema-check.ts';

export interface RelationshipChainOptions {
  readonly spiceDb: SpiceDbOptions;
  /** How checks are coalesced, or that they are not. Default: coalesced, with the defaults. */
  readonly coalescing?: CoalescingOptions | 'off';
}

/** SpiceDB as the use cases see it. */
export interface RelationshipChain {
  readonly relationships: Relationships;
  readonly writer: RelationshipWriter;
  readonly schemaCheck: SchemaCheck;
  readonly client: SpiceDbClient;
  /** Ends the connections. Calls that are under way fail. */
  close(): void;
}

/** The only place that stacks the layers: coalescing ▶ client. */
export function createRelationshipChain(
  deps: { readonly clock: Clock },
  { spiceDb, coalescing = {} }: RelationshipChainOptions,
): RelationshipChain {
  const client = createSpiceDbClient(deps, spiceDb);
  const spiceDbRelationships = createSpiceDbRelationships({ client });
  return {
    relationships:
      coalescing === 'off'
        ? spiceDbRelationships
        : createCoalescingRelationships({ inner: spiceDbRelationships }, coalescing),
    writer: spiceDbRelationships,
    schemaCheck: createSpiceDbSchemaCheck({ client }),
    client,
    close: () => client.close(),
  };
}
