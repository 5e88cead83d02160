import type { FaultLog } from './faults.ts';
import type { History } from './history.ts';
import type { Jury, Violation } from './jury.ts';
import type { Observation } from './oracle.ts';
import { PROMISED } from './oracle.ts';

/** How often each thing happened. */
export class Counts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(group: string, what: string): void {
    const ofGroup = this.#counts.get(group) ?? new Map<string, number>();
    this.#counts.set(group, ofGroup.set(what, (ofGroup.get(what) ?? 0) + 1));
  }

  of(group: string): ReadonlyMap<string, number> {
    return this.#counts.get(group) ?? new Map<string, number>();
  }

  format(): string {
    return [...this.#counts]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([group, ofGroup]) => {
        const counts = [...ofGroup].toSorted(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`);
        return `  ${group}: ${counts.join(', ')}\n`;
      })
      .join('');
  }
}

/** How long changes were not seen. */
export function formatStaleness({ longest, judged }: Jury): string {
  const line = (what: string, { watched, unwatched }: Jury['longest']['allowed']): string =>
    `  ${what}: ${toMs(watched)} with Watch, ${toMs(unwatched)} without\n`;
  return [
    `longest staleness (the bound: ${PROMISED.withWatchMs} ms with Watch, ${PROMISED.withoutWatchMs} ms without):\n`,
    line('still allowed', longest.allowed),
    line('not allowed yet', longest.denied),
    `judged: ${judged.watched} answers with Watch, ${judged.unwatched} without; ${judged.writes} acknowledged writes\n`,
  ].join('');
}

/** All that is known about what is wrong: the task's relationships, writes, answers to the same question, and faults. */
export function formatViolation(
  { what, detail, task, observation }: Violation,
  { history, jury, faults }: { readonly history: History; readonly jury: Jury; readonly faults: FaultLog },
): string {
  const head = `\n${what}: ${detail}\n`;
  if (task === undefined) return head;
  const { writes, rows } = task;
  const events: { readonly atMs: number; readonly text: string }[] = [];
  for (const { sentMs, endedMs, effect, code, process } of writes) {
    const role = 'role' in effect ? ` ${effect.role}@${effect.user}` : '';
    events.push({ atMs: sentMs, text: `sends ${effect.kind}${role} to ${process} … ${code} at ${at(endedMs)}` });
  }
  for (const [key, lives] of history.livesOf(task.id)) {
    for (const { from, to } of lives) {
      events.push({ atMs: from.committedMs, text: `committed: + ${key}` });
      if (to !== undefined) events.push({ atMs: to.committedMs, text: `committed: - ${key}` });
    }
  }
  for (const [name, atMs] of Object.entries(rows)) if (atMs !== undefined) events.push({ atMs, text: `rows: ${name}` });
  for (const { sentMs, answeredMs, rpc, process, replica, isAllowed, asked } of seenLike(jury, observation)) {
    const answer = isAllowed ? 'ALLOWED' : 'NOT_FOUND';
    events.push({
      atMs: sentMs,
      text: `asks ${process ?? replica} by ${asked} (${rpc}) … ${answer} at ${at(answeredMs)}`,
    });
  }
  for (const { fault, fromMs, toMs, replica } of faults.struck) {
    const isNear =
      observation === undefined || (fromMs <= observation.answeredMs && toMs >= observation.sentMs - 10_000);
    if (isNear) events.push({ atMs: fromMs, text: `fault on ${replica}: ${fault}, until ${at(toMs)}` });
  }
  const lines = events.toSorted((a, b) => a.atMs - b.atMs).map(({ atMs, text }) => `  ${at(atMs)} ${text}\n`);
  return `${head}  owner ${task.creator.user} of ${task.creator.account}\n${lines.join('')}`;
}

/** Of all that was asked about the task, what was asked for the same person and permission. */
function seenLike(jury: Jury, observation: Observation | undefined): readonly Observation[] {
  if (observation === undefined) return [];
  const { task, person, permission, sentMs } = observation;
  return jury
    .seenOf(task)
    .filter((other) => other.person === person && other.permission === permission && other.sentMs <= sentMs + 1_000);
}

function at(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 23) : 'never';
}

function toMs(ms: number): string {
  return Number.isFinite(ms) ? `${ms.toFixed(0)} ms` : 'for ever';
}
