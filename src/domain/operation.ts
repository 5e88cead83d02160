/** What an application can say that a principal wants to do. */
export const OPERATIONS = ['create', 'read', 'update', 'delete', 'execute', 'cancel'] as const;

export type Operation = (typeof OPERATIONS)[number];
