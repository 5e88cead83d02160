import type { MessageInitShape } from '@bufbuild/protobuf';
import { CouldNotTellError, MisuseError } from './errors.ts';
import type { CheckTaskRequestSchema, CheckTaskResponse } from './gen/taskgate/v1/authorization_pb.js';
import { Decision, Operation as OperationCode } from './gen/taskgate/v1/authorization_pb.js';

/** Whom the answer is about, and the account (tenant) that it acts in. */
export type Principal = { readonly accountId: string } & (
  { readonly userId: string } | { readonly serviceAccountId: string } | { readonly agentId: string }
);

/** A resource by its id, or by its name where its type has a unique one. */
export type Resource = { readonly type: string } & ({ readonly id: string } | { readonly name: string });

const OPERATIONS = {
  create: OperationCode.CREATE,
  read: OperationCode.READ,
  update: OperationCode.UPDATE,
  delete: OperationCode.DELETE,
  execute: OperationCode.EXECUTE,
  cancel: OperationCode.CANCEL,
  share: OperationCode.SHARE,
} as const;

/** What the application wants to do. */
export type Operation = keyof typeof OPERATIONS;

/** How fresh the relationships must be. A check can raise the deployment's choice, never lower it. */
export type Consistency =
  | { readonly kind: 'minimize-latency' }
  | { readonly kind: 'fully-consistent' }
  | { readonly kind: 'at-least-as-fresh'; readonly token: string };

/** One question. */
export interface Check {
  readonly principal: Principal;
  readonly resource: Resource;
  readonly operation: Operation;
  /** Default: what the deployment chose for the operation. */
  readonly consistency?: Consistency | undefined;
  /** With a name: one that is free is checked for `create`. Default false. */
  readonly createIfAbsent?: boolean | undefined;
  /** With `create` of a child: what the child will hang off. */
  readonly parent?: Resource | undefined;
}

/** What an allowed check tells. */
export interface AllowedTask {
  /** The task that was checked; undefined if none was that exists, as with `create`. */
  readonly taskId: string | undefined;
  /** The revision that decided; good for `at-least-as-fresh`. */
  readonly checkedAt: string;
}

/** A decision. Absent and denied are `not-found`, and nothing tells them apart. */
export type Answer =
  ({ readonly kind: 'allowed' } & AllowedTask) | { readonly kind: 'not-found' } | { readonly kind: 'forbidden' };

/**
 * The check as a message. Its values may come from a request, where a parameter can be an array or missing whatever its
 * type says.
 *
 * @throws MisuseError that names the field, and never its value.
 */
export function toRequest(check: Check): MessageInitShape<typeof CheckTaskRequestSchema> {
  const { consistency, parent } = check;
  if (!Object.hasOwn(OPERATIONS, check.operation)) throw new MisuseError('operation: not one of taskgate');
  return {
    principal: {
      subject: toSubject(check.principal),
      accountId: text('principal.accountId', check.principal.accountId),
    },
    resource: toResource('resource', check.resource),
    operation: OPERATIONS[check.operation],
    createIfAbsent: check.createIfAbsent ?? false,
    ...(consistency === undefined ? {} : { consistency: { requirement: toRequirement(consistency) } }),
    ...(parent === undefined ? {} : { parent: toResource('parent', parent) }),
  };
}

/** @throws CouldNotTellError for a decision that this client does not know. */
export function fromResponse({ decision, taskId, checkedAt }: CheckTaskResponse): Answer {
  switch (decision) {
    case Decision.ALLOWED:
      return { kind: 'allowed', taskId: taskId === '' ? undefined : taskId, checkedAt };
    case Decision.NOT_FOUND:
      return { kind: 'not-found' };
    case Decision.FORBIDDEN:
      return { kind: 'forbidden' };
    // A newer taskgate may say what this client has no word for.
    case Decision.UNSPECIFIED:
    default:
      throw new CouldNotTellError('unknown_decision');
  }
}

function toSubject(principal: Principal) {
  if ('userId' in principal) return { case: 'userId', value: text('principal.userId', principal.userId) } as const;
  if ('agentId' in principal) return { case: 'agentId', value: text('principal.agentId', principal.agentId) } as const;
  return {
    case: 'serviceAccountId',
    value: text('principal.serviceAccountId', principal.serviceAccountId),
  } as const;
}

function toResource(field: string, resource: Resource) {
  const key =
    'id' in resource
      ? ({ case: 'id', value: text(`${field}.id`, resource.id) } as const)
      : ({ case: 'name', value: text(`${field}.name`, resource.name) } as const);
  return { type: text(`${field}.type`, resource.type), key };
}

function toRequirement(consistency: Consistency) {
  switch (consistency.kind) {
    case 'minimize-latency':
      return { case: 'minimizeLatency', value: true } as const;
    case 'fully-consistent':
      return { case: 'fullyConsistent', value: true } as const;
    case 'at-least-as-fresh':
      return { case: 'atLeastAsFresh', value: text('consistency.token', consistency.token) } as const;
    default:
      return consistency satisfies never;
  }
}

function text(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new MisuseError(`${field}: must be a text that is not empty`);
  if (!value.isWellFormed()) throw new MisuseError(`${field}: must be well-formed Unicode`);
  return value;
}
