import { InvalidArgumentError } from '../domain/errors.ts';
import type { Registration } from '../domain/registration.ts';
import type { ResourceRef } from '../domain/resource.ts';
import type { TypeModel } from '../domain/type-model.ts';

/** What the lifecycle knows of the deployment's types. */
export interface LifecycleModel {
  readonly types: TypeModel;
  readonly registrations: ReadonlyMap<string, Registration>;
}

/** @throws InvalidArgumentError if resources of the type are not registered. */
export function requireRegistration({ type }: ResourceRef, { types, registrations }: LifecycleModel): Registration {
  const registration = registrations.get(type);
  if (registration !== undefined) return registration;
  throw new InvalidArgumentError(
    'resource.type',
    types.has(type)
      ? `${type} is a child type: it inherits from its parent and is not registered`
      : 'is not a configured type',
  );
}

/** The id of a resource that has to be named by it. @throws InvalidArgumentError */
export function requireId({ key }: ResourceRef, field: string): string {
  switch (key.kind) {
    case 'id':
      return key.id;
    case 'name':
      throw new InvalidArgumentError(`${field}.name`, 'does not go here: name it by its id');
    case 'new':
      throw new InvalidArgumentError(`${field}.id`, 'must be the id of one resource');
    default:
      return key satisfies never;
  }
}
