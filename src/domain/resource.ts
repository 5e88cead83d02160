/** How a resource is named: by id, by its unique name, or as one that does not exist yet (`*`, for create only). */
export type ResourceKey =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'new' };

/** A resource as the caller named it. */
export interface ResourceRef {
  readonly type: string;
  readonly key: ResourceKey;
}

/** What a client writes as the id of a resource that does not exist yet. */
export const NEW_RESOURCE_ID = '*';
