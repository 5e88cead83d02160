import { v1 } from '@authzed/authzed-node';
import { parse } from 'yaml';
import { z } from 'zod';

const ASSERTIONS = z.array(z.string());
const VALIDATION_FILE = z.strictObject({
  schemaFile: z.string(),
  relationships: z.string(),
  assertions: z.strictObject({ assertTrue: ASSERTIONS, assertFalse: ASSERTIONS, assertCaveated: ASSERTIONS }),
});
const CONTEXT = z.record(z.string(), z.string());

const OBJECT = String.raw`(?<type>[a-z_]+):(?<id>[^#@]+)#(?<relation>[a-z_]+)@(?<subjectType>[a-z_]+):(?<subjectId>[^\s[]+)`;
const RELATIONSHIP = new RegExp(`^${OBJECT}(?:\\[(?<caveat>\\w+):(?<context>\\{.*\\})\\])?$`);
const ASSERTION = new RegExp(`^${OBJECT}(?: with (?<context>\\{.*\\}))?$`);

export interface Assertion {
  readonly text: string;
  readonly item: v1.CheckBulkPermissionsRequestItem;
}

export interface ValidationFile {
  readonly schemaFile: string;
  readonly relationships: readonly v1.Relationship[];
  readonly assertions: Readonly<Record<'assertTrue' | 'assertFalse' | 'assertCaveated', readonly Assertion[]>>;
}

/** Reads a validation file of SpiceDB's tools. */
export function parseValidationFile(text: string): ValidationFile {
  const { schemaFile, relationships, assertions } = VALIDATION_FILE.parse(parse(text));
  return {
    schemaFile,
    relationships: relationships.split('\n').map(parseRelationship),
    assertions: {
      assertTrue: assertions.assertTrue.map(parseAssertion),
      assertFalse: assertions.assertFalse.map(parseAssertion),
      assertCaveated: assertions.assertCaveated.map(parseAssertion),
    },
  };
}

function parseRelationship(text: string): v1.Relationship {
  const groups = match(RELATIONSHIP, text);
  const { relation = '', caveat: caveatName = '' } = groups;
  const context = toStruct(groups['context']);
  return v1.Relationship.create({
    ...toEnds(groups),
    relation,
    ...(context === undefined ? {} : { optionalCaveat: { caveatName, context } }),
  });
}

function parseAssertion(text: string): Assertion {
  const groups = match(ASSERTION, text);
  const context = toStruct(groups['context']);
  const item = v1.CheckBulkPermissionsRequestItem.create({
    ...toEnds(groups),
    permission: groups['relation'] ?? '',
    ...(context === undefined ? {} : { context }),
  });
  return { text, item };
}

function toEnds({ type = '', id = '', subjectType = '', subjectId = '' }: Record<string, string | undefined>): {
  resource: v1.ObjectReference;
  subject: v1.SubjectReference;
} {
  return {
    resource: { objectType: type, objectId: id },
    subject: { object: { objectType: subjectType, objectId: subjectId }, optionalRelation: '' },
  };
}

function toStruct(json: string | undefined): v1.PbStruct | undefined {
  return json === undefined ? undefined : v1.createStructFromObject(CONTEXT.parse(JSON.parse(json)));
}

function match(pattern: RegExp, text: string): Record<string, string | undefined> {
  const groups = pattern.exec(text)?.groups;
  if (groups === undefined) throw new Error(`can not be read: ${text}`);
  return groups;
}
