import type { RolloutRow } from '../authorize/ports-explain.ts';
import type { RolloutGates } from '../authorize/ports-rollout.ts';
import type { Principal } from '../domain/principal.ts';

/** Questions to each gate for one description: what is asked is kept beside the flags of calls, which must not lose them. */
const MAX_QUESTIONS = 1_000;
/** No principal has it, so nothing is configured for it. */
const NO_ACCOUNT = '';

export interface DescribedGates {
  /** By account, in their order, and last every other account; the types of which the gates say the same are one row. */
  readonly rows: readonly RolloutRow[];
  /** Accounts that were not asked about, since they are too many. */
  readonly accountsLeftOut: number;
}

/**
 * What the gates say of accounts that configuration names, and of every other one. They are asked as a call of the account
 * asks them, one account at a time.
 */
export async function describeGates(
  gates: Pick<RolloutGates, 'enforcement' | 'dualWrite'>,
  { accounts, types }: { readonly accounts: readonly string[]; readonly types: readonly string[] },
): Promise<DescribedGates> {
  const most = Math.max(0, Math.floor(MAX_QUESTIONS / Math.max(1, types.length)) - 1);
  const rows: RolloutRow[] = [];
  for (const account of [...accounts.slice(0, most), NO_ACCOUNT]) {
    const principal: Principal = { kind: 'user', id: '', account };
    const answers = await Promise.all(
      types.map(async (type) => ({
        type,
        enforcement: await gates.enforcement(type, principal),
        dualWrite: await gates.dualWrite(type, principal),
      })),
    );
    for (const group of Map.groupBy(answers, (answer) => `${answer.enforcement} ${answer.dualWrite}`).values()) {
      const [first] = group;
      if (first === undefined) continue;
      const { enforcement, dualWrite } = first;
      const named = account === NO_ACCOUNT ? undefined : account;
      rows.push({ account: named, types: group.map(({ type }) => type), enforcement, dualWrite });
    }
  }
  return { rows, accountsLeftOut: Math.max(0, accounts.length - most) };
}
