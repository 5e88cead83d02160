import type { DescField, DescFile, DescMessage } from '@bufbuild/protobuf';
import { createRegistry, ScalarType } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { file_envoy_service_auth_v3_external_auth } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { FIELDS } from './recorded/recorded.ts';

const withDependencies = (file: DescFile): DescFile[] => [file, ...file.dependencies.flatMap(withDependencies)];
const registry = createRegistry(...withDependencies(file_envoy_service_auth_v3_external_auth));

function typeOf(field: DescField): string {
  const one = field.message?.typeName ?? field.enum?.typeName ?? ScalarType[field.scalar ?? 0]?.toLowerCase() ?? '';
  if (field.fieldKind === 'map') return `map<${ScalarType[field.mapKey].toLowerCase()}, ${one}>`;
  return field.fieldKind === 'list' ? `repeated ${one}` : one;
}

function messagesOf(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(messagesOf)];
}

const ours = [...registry].filter((type) => type.kind === 'message' && !type.typeName.startsWith('google.protobuf.'));

it.each(ours.map(({ typeName }) => typeName))('%s has the numbers and types that Envoy has', (name) => {
  const theirs = FIELDS.messages[name] ?? {};
  const fields = registry.getMessage(name)?.fields ?? [];
  expect(fields.length).toBeGreaterThan(0);
  for (const field of fields)
    expect([field.name, theirs[field.name]]).toEqual([field.name, [field.number, typeOf(field)]]);
});

it.each(Object.keys(FIELDS.messages))('%s is kept', (name) => {
  expect(
    ours.flatMap((type) => (type.kind === 'message' ? messagesOf(type) : [])).map((type) => type.typeName),
  ).toContain(name);
});

it.each(Object.entries(FIELDS.enums))('%s has the numbers that Envoy has', (name, theirs) => {
  const values = registry.getEnum(name)?.values ?? [];
  expect(values.length).toBeGreaterThan(0);
  for (const value of values) expect([value.name, theirs[value.name]]).toEqual([value.name, value.number]);
});
