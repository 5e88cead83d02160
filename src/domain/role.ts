/** What a principal can be to a resource that it did not create. A type has those that the configuration maps. */
export const ROLES = ['owner', 'editor', 'viewer', 'executor'] as const;

export type Role = (typeof ROLES)[number];
