/** Who asks: a user in an account. */
export interface Person {
  readonly user: string;
  readonly account: string;
}

export const ACCOUNTS = ['acme', 'globex'] as const;

/** Those who own an agent and may create tasks on it. */
const MEMBERS: Readonly<Record<(typeof ACCOUNTS)[number], readonly string[]>> = {
  acme: ['alice', 'bob', 'carol', 'dave'],
  globex: ['mallory', 'trent'],
};

export const CREATORS: readonly Person[] = ACCOUNTS.flatMap((account) =>
  MEMBERS[account].map((user) => ({ user, account })),
);

/** The first of each account; it has the account's agent registered. */
export const AGENT_OWNERS: readonly Person[] = ACCOUNTS.map((account) => ({
  user: MEMBERS[account][0] ?? '',
  account,
}));

/** Also users who act in an account that is not the one of what they have roles on: the tenant gate is to keep them out. */
export const ASKERS: readonly Person[] = [
  ...CREATORS,
  { user: 'alice', account: 'globex' },
  { user: 'mallory', account: 'acme' },
];

/** Who can be given a role: anybody, whatever the account. */
export const GRANTEES: readonly string[] = [...MEMBERS.acme, ...MEMBERS.globex];

/** The agent of the account, which stands for the whole run. */
export function agentOf(account: string): string {
  return `chaos-agent-${account}`;
}

export const ROLES = ['owner', 'editor', 'viewer', 'executor'] as const;
export type RoleName = (typeof ROLES)[number];

/** The deployed schema, in the model's own words: who may do what to a task, as long as it is in his account. */
export const ROLES_OF_PERMISSION = {
  read: ['viewer', 'editor', 'owner'],
  update: ['editor', 'owner'],
  delete: ['owner'],
  execute: ['owner', 'executor'],
  share: ['owner'],
} as const satisfies Record<string, readonly RoleName[]>;

export type Permission = keyof typeof ROLES_OF_PERMISSION;

/** What the default configuration decides fully consistently, whatever a check asks for. */
export const FULLY_CONSISTENT: ReadonlySet<Permission> = new Set(['delete', 'share']);

/** A resource by its id, as requests name it. */
export function toRef(type: string, id: string) {
  return { type, key: { case: 'id' as const, value: id } };
}
