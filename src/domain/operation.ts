/** What an application can say that a principal wants to do. `share` is to give roles to others, and to take them. */
export const OPERATIONS = ['create', 'read', 'update', 'delete', 'execute', 'cancel', 'share'] as const;

export type Operation = (typeof OPERATIONS)[number];
